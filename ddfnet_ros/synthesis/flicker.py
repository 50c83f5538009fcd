# SPDX-License-Identifier: Apache-2.0
"""Lamps that are switched many times a second: LEDs dimmed by pulse width, tubes on the mains.

An exposure much longer than a period sees their mean brightness; a short one may fall between two
pulses and find the lamp dark, or into one and find it brighter than its mean.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_SHARE = 0.4  # of all lamps


def pulsed_light(periods: Tensor, duty: Tensor, phase: Tensor) -> Tensor:
    """Light of a pulsed lamp during an exposure, over that of a steady lamp of equal mean.

    Args:
        periods: Length of the exposure in periods of the lamp, > 0.
        duty: Share of the period in which the lamp is lit, in (0, 1].
        phase: Where in its period the lamp is when the exposure begins, in [0, 1).
    """
    return (_lit(phase + periods, duty) - _lit(phase, duty)) / (periods * duty)


def _lit(time: Tensor, duty: Tensor) -> Tensor:
    """How long the lamp has been lit since time 0."""
    whole = time.floor()
    return whole * duty + torch.minimum(time - whole, duty)


def random_flicker(
    lamp: Bool[Tensor, 'b k'], exposure: Float[Tensor, 'b n'], generator: torch.Generator
) -> Float[Tensor, 'b k n']:
    """Brightness of each layer in each frame: 1, but for some of the lamps.

    Args:
        lamp: Which layers are lamps.
        exposure: Relative exposures of the frames.
        generator: Source of everything random.
    """
    u = torch.rand((3, *lamp.shape, 1), generator=generator)
    phase = torch.rand((*lamp.shape, exposure.shape[1]), generator=generator)
    longest = 0.5 * 40 ** u[0]
    periods = longest * (exposure / exposure.amax(dim=1, keepdim=True))[:, None]
    seen = pulsed_light(periods, 0.1 + 0.8 * u[1], phase)
    return torch.where(lamp[..., None] & (u[2] < _SHARE), seen, 1.0)
