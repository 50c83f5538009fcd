# SPDX-License-Identifier: Apache-2.0
"""Where the reference is well exposed, nothing that moves leaves a ghost.

There the reference shows what is to be shown, but for its noise and its steps. What differs by
more was taken from frames that show something else, or whose exposure or response is not what it
is said to be. So up to some steps, and four deviations of the noise, the result may differ; what
differs by more comes back to the reference, and by twice as much is the reference.

What differs by less is a matter of who errs less: the result, by about a step, or the reference,
by its noise. They are averaged as two measurements are, by the inverse of their variances.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket, Pixels, white_level
from ddfnet_ros.radiance import relative_exposures

_Table = npt.NDArray[np.float32]

STEPS = 3 / 255
"""Distance that is always allowed, of an LDR value in [0, 1]."""

DEVIATIONS = 4.0
"""Of the noise, allowed besides."""

ERROR = 1 / 255
"""Of a result, as an LDR value: networks are no nearer to the truth than that."""

DARK, DIM, BRIGHT, CLIPPED = 0.25, 0.40, 0.92, 0.98
"""Of the reference's brightest channel: between the inner two all counts, outside nothing."""

SLOPE = 2.2
"""Relative change of radiance for one of the LDR value (Eq. 2)."""

LEAST = 0.02
"""LDR value below which a channel's noise is not told from its light."""

_TINY = 1e-12  # of radiance; no reference has it where it counts
_GAIN = 6 * 0.6745  # of second differences in both directions; of a median
_GROUP = 18  # rows; of each some are looked at
_FEWEST = 200  # pixels that tell anything


class Guard(NamedTuple):
    """What there is to know of a reference.

    Attributes:
        noise: Standard deviation of the noise of LDR values in [0, 1]; infinite to leave all as it
            is.
        white: P_1 of an LDR value of 1.
    """

    noise: float
    white: float = 1.0


OFF = Guard(math.inf)


def estimate_guard(bracket: Bracket) -> Guard:
    """Of a bracket's reference."""
    exposures = relative_exposures([frame.exposure for frame in bracket.reference_first])
    return Guard(estimate_noise(bracket.reference.pixels), 1 / float(exposures[0]))


def estimate_noise(pixels: Pixels) -> float:
    """Standard deviation of the noise of LDR values in [0, 1]; infinite where nothing tells.

    Estimated as in Immerkaer, "Fast noise variance estimation", CVIU 1996, Eq. 4, but
    by the median, because edges are few.

    Args:
        pixels: (H, W[, 3]) of the reference.
    """
    white = white_level(pixels)
    plane = pixels if pixels.ndim == 2 else pixels[..., 1]
    rows = len(plane) // _GROUP * _GROUP
    groups = plane[:rows].reshape(-1, _GROUP, plane.shape[1])[:, :3].astype(np.float32)
    here = groups[:, 1]
    across = groups[:, 0] - 2 * here + groups[:, 2]
    both = np.abs(across[:, :-2] - 2 * across[:, 1:-1] + across[:, 2:])
    seen = here[:, 1:-1]
    told = both[(seen > DARK * white) & (seen < CLIPPED * white)]
    if len(told) < _FEWEST:
        return math.inf
    return float(np.median(told)) / _GAIN / float(white)


def apply_guard(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '6 h w'], guard: Guard
) -> Float[Tensor, '3 h w']:
    """Bring radiance back to the reference where that is well exposed.

    Args:
        radiance: Relative to the shortest exposure.
        reference: [I_1, P_1] of the input stack.
        guard: What there is to know of it.
    """
    noise, white = guard
    if math.isinf(noise):
        return radiance
    ldr, corrected = reference[:3], reference[3:]
    brightest = ldr.amax(0, keepdim=True)
    slope = (corrected / ldr.clamp(min=LEAST)).clamp(min=white * LEAST ** (SLOPE - 1))
    margin = (SLOPE * _tolerance(noise) * slope).clamp(min=_TINY)
    away = radiance - corrected
    # Of the channel that is furthest away: all come back together, so that no colour is new.
    furthest = (away.abs() / margin).amax(0, keepdim=True)
    kept = _trust(noise) * ((2 - furthest) / furthest).clamp(0, 1)
    share = torch.minimum((brightest - DARK) / (DIM - DARK),
                          (CLIPPED - brightest) / (CLIPPED - BRIGHT)).clamp(0, 1)
    return radiance - share * (1 - kept) * away


def margins(linear: _Table, noise: float) -> tuple[_Table, _Table, np.float32]:
    """The same as tables over a reference's pixel values: margin, and how much all of it counts.

    Args:
        linear: (levels,), P_1 of each pixel value.
        noise: Finite.

    Returns:
        Both tables, and what is kept of a result within its margin.
    """
    ldr = np.linspace(0, 1, len(linear), dtype=np.float32)
    slope = np.maximum(linear / ldr.clip(min=LEAST), linear[-1] * LEAST ** (SLOPE - 1))
    margin = (SLOPE * _tolerance(noise) * slope).clip(min=_TINY)
    share = np.minimum((ldr - DARK) / (DIM - DARK), (CLIPPED - ldr) / (CLIPPED - BRIGHT))
    return (margin.astype(np.float32), share.clip(0, 1).astype(np.float32),
            np.float32(_trust(noise)))


def _tolerance(noise: float) -> float:
    """How far from the reference's LDR values a result may be."""
    return STEPS + DEVIATIONS * noise


def _trust(noise: float) -> float:
    """What is kept of a result that is not too far from the reference."""
    return noise**2 / (noise**2 + ERROR**2)
