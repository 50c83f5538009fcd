# SPDX-License-Identifier: Apache-2.0
"""Flickering lamps: LEDs dimmed by pulse width, fluorescent tubes on the mains.

An exposure much longer than a period sees their mean brightness. A short one may fall between two
pulses, where the lamp is dark, or into a pulse, where it is brighter than its mean.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_SHARE = 0.4  # of the lamps that flicker


def pulsed_light(periods: Tensor, duty: Tensor, phase: Tensor) -> Tensor:
    """Brightness of a pulsed lamp during an exposure, relative to its mean.

    Args:
        periods: Length of the exposure in periods of the lamp, > 0.
        duty: Duty cycle, the share of a period in which the lamp is lit, in (0, 1].
        phase: Phase of the lamp when the exposure begins, in [0, 1).
    """
    return (_lit_time(phase + periods, duty) - _lit_time(phase, duty)) / (periods * duty)


def _lit_time(time: Tensor, duty: Tensor) -> Tensor:
    """Total time for which the lamp was lit since time 0, in periods."""
    whole = time.floor()
    return whole * duty + torch.minimum(time - whole, duty)


def random_flicker(
    lamp: Bool[Tensor, 'b k'], exposure: Float[Tensor, 'b n'], generator: torch.Generator
) -> Float[Tensor, 'b k n']:
    """Brightness factor of each layer in each frame: 1 except for the lamps that flicker.

    Args:
        lamp: Mask of the layers that are lamps.
        exposure: Relative exposures of the frames.
        generator: Random generator.
    """
    u = torch.rand((3, *lamp.shape, 1), generator=generator)
    phase = torch.rand((*lamp.shape, exposure.shape[1]), generator=generator)
    longest = 0.5 * 40 ** u[0]
    periods = longest * (exposure / exposure.amax(dim=1, keepdim=True))[:, None]
    brightness = pulsed_light(periods, 0.1 + 0.8 * u[1], phase)
    return torch.where(lamp[..., None] & (u[2] < _SHARE), brightness, 1.0)
