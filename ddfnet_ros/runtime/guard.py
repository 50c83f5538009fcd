# SPDX-License-Identifier: Apache-2.0
"""Keep the result close to the reference where that is well exposed: no ghosts there.

A well exposed reference shows the scene as it is, but for noise and quantisation. A result that
differs by more was taken from frames that show something else, or whose exposure or response is
not what it is said to be. So the result may differ by a tolerance: a few quantisation steps plus
four standard deviations of the noise. Beyond, it moves back to the reference; from twice the
tolerance on, it is the reference.

Within the tolerance, the result errs by about a step and the reference by its noise. They are
averaged like two measurements, weighted by the inverse of their variances.
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
"""Difference that is always allowed, as an LDR value in [0, 1]."""

DEVIATIONS = 4.0
"""Standard deviations of the noise that are allowed in addition."""

ERROR = 1 / 255
"""Error of a result, as an LDR value: networks come no closer to the truth."""

DARK, DIM, BRIGHT, CLIPPED = 0.25, 0.40, 0.92, 0.98
"""LDR values of the reference's brightest channel.

The guard acts fully between DIM and BRIGHT, and not at all below DARK or above CLIPPED.
"""

SLOPE = 2.2
"""Relative change of radiance per relative change of the LDR value (Eq. 2)."""

LEAST = 0.02
"""LDR value below which a channel's noise cannot be told from its light."""

_TINY = 1e-12  # radiance below that of any reference where the guard acts
# Second differences in both directions multiply the noise by 6; the median of the absolute values
# of a normal distribution is 0.6745 of its standard deviation.
_NOISE_GAIN = 6 * 0.6745
_GROUP = 18  # rows; the first three of each group are used
_MIN_PIXELS = 200  # for an estimate


class Guard(NamedTuple):
    """What the guard has to know about a reference.

    Attributes:
        noise: Standard deviation of the noise of LDR values in [0, 1]; infinite: no guard.
        white: P_1 of an LDR value of 1.
    """

    noise: float
    white: float = 1.0


OFF = Guard(math.inf)
"""Leaves the radiance as it is."""


def estimate_guard(bracket: Bracket) -> Guard:
    """Estimate the noise of a bracket's reference, and take its white from its exposure."""
    exposures = relative_exposures([frame.exposure for frame in bracket.reference_first])
    return Guard(estimate_noise(bracket.reference.pixels), 1 / float(exposures[0]))


def estimate_noise(pixels: Pixels) -> float:
    """Estimate the standard deviation of the noise of LDR values in [0, 1].

    As in Immerkaer, "Fast noise variance estimation", CVIU 1996, Eq. 4, but with the median,
    because edges are few.

    Args:
        pixels: (H, W[, 3]) of the reference.

    Returns:
        The standard deviation; infinite where too few pixels are well exposed.
    """
    white = white_level(pixels)
    plane = pixels if pixels.ndim == 2 else pixels[..., 1]
    rows = len(plane) // _GROUP * _GROUP
    groups = plane[:rows].reshape(-1, _GROUP, plane.shape[1])[:, :3].astype(np.float32)
    middle = groups[:, 1]
    vertical = groups[:, 0] - 2 * middle + groups[:, 2]
    both = np.abs(vertical[:, :-2] - 2 * vertical[:, 1:-1] + vertical[:, 2:])
    centre = middle[:, 1:-1]
    differences = both[(centre > DARK * white) & (centre < CLIPPED * white)]
    if len(differences) < _MIN_PIXELS:
        return math.inf
    return float(np.median(differences)) / _NOISE_GAIN / float(white)


def apply_guard(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '6 h w'], guard: Guard
) -> Float[Tensor, '3 h w']:
    """Move radiance back to the reference where that is well exposed.

    Args:
        radiance: Relative to the shortest exposure.
        reference: [I_1, P_1] of the input stack.
        guard: Noise and white of the reference.
    """
    noise, white = guard
    if math.isinf(noise):
        return radiance
    ldr, corrected = reference[:3], reference[3:]
    brightest = ldr.amax(0, keepdim=True)
    slope = (corrected / ldr.clamp(min=LEAST)).clamp(min=white * LEAST ** (SLOPE - 1))
    margin = (SLOPE * _tolerance(noise) * slope).clamp(min=_TINY)
    away = radiance - corrected
    # All channels move as the one that is furthest away, so that no new colour appears.
    furthest = (away.abs() / margin).amax(0, keepdim=True)
    kept = _result_weight(noise) * ((2 - furthest) / furthest).clamp(0, 1)
    share = torch.minimum((brightest - DARK) / (DIM - DARK),
                          (CLIPPED - brightest) / (CLIPPED - BRIGHT)).clamp(0, 1)
    return radiance - share * (1 - kept) * away


def margins(linear: _Table, noise: float) -> tuple[_Table, _Table, np.float32]:
    """What `apply_guard` computes from the reference, as tables for `kernels.guarding`.

    Args:
        linear: (levels,), P_1 of each pixel value of the reference.
        noise: See `Guard`; finite.

    Returns:
        For each pixel value: the margin, how far the radiance may be away, and the share, how
        much the guard acts. Then the weight of a result within its margin.
    """
    ldr = np.linspace(0, 1, len(linear), dtype=np.float32)
    slope = np.maximum(linear / ldr.clip(min=LEAST), linear[-1] * LEAST ** (SLOPE - 1))
    margin = (SLOPE * _tolerance(noise) * slope).clip(min=_TINY)
    share = np.minimum((ldr - DARK) / (DIM - DARK), (CLIPPED - ldr) / (CLIPPED - BRIGHT))
    return (margin.astype(np.float32), share.clip(0, 1).astype(np.float32),
            np.float32(_result_weight(noise)))


def _tolerance(noise: float) -> float:
    """How far a result may be from the reference, as an LDR value."""
    return STEPS + DEVIATIONS * noise


def _result_weight(noise: float) -> float:
    """Weight of a result in its average with the reference, by inverse variances."""
    return noise**2 / (noise**2 + ERROR**2)
