# SPDX-License-Identifier: Apache-2.0
"""Weighted merge of a still scene (Debevec and Malik 1997)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, ldr_of, linear_of, radiance_of

_TINY = np.float32(1e-8)


def debevec_merge(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Weighted mean of the frames' log radiances (Eq. 6).

    The response is a known gamma here, so it is not fitted.
    """
    ldr, linear = ldr_of(bracket), linear_of(bracket)
    return radiance_of(weighted_log_mean(linear, well_exposed(ldr)), bracket)


def well_exposed(ldr: Stack) -> Stack:
    """Hat weights (Eq. 4), 1 at mid-grey.

    Where no frame has weight, the longest gets weight 1 if it is dark there, and the shortest if
    the longest is bright.
    """
    weights = 1 - np.abs(2 * ldr - 1)
    lost = weights.max(axis=0) < 1e-3
    weights[-1][lost & (ldr[-1] < 0.5)] = 1
    weights[0][lost & (ldr[-1] >= 0.5)] = 1
    return weights


def weighted_log_mean(linear: Stack, weights: Stack) -> Float32[np.ndarray, 'h w 3']:
    """Weighted geometric mean over the frames."""
    logarithm = (weights * np.log(linear + _TINY)).sum(0) / (weights.sum(0) + _TINY)
    mean: Float32[np.ndarray, 'h w 3'] = np.exp(logarithm) - _TINY
    return mean.clip(min=0)
