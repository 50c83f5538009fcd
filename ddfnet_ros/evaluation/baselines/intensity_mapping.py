# SPDX-License-Identifier: Apache-2.0
"""Intensity mapping: simulate a frame under the exposure of another frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Float64

_LEVELS = 256


def mapped_like(
    frame: Float32[np.ndarray, '*size'], other: Float32[np.ndarray, '*size']
) -> Float32[np.ndarray, '*size']:
    """Match the histogram of a frame to that of another, per channel.

    A pixel has the same rank in every exposure of a scene, which small motion hardly changes
    (Grossberg and Nayar 2003).

    Args:
        frame: Values in [0, 1], (H, W) or (H, W, 3).
        other: Frame of the same shape, whose histogram is taken.
    """
    if frame.ndim == 3:
        channels = [mapped_like(frame[..., c], other[..., c]) for c in range(frame.shape[2])]
        return np.stack(channels, axis=-1)
    levels = np.round(frame * (_LEVELS - 1)).astype(np.intp)
    shares = [_ranks(levels), _ranks(np.round(other * (_LEVELS - 1)).astype(np.intp))]
    table = np.interp(shares[0], shares[1], np.arange(_LEVELS) / (_LEVELS - 1))
    mapped: Float32[np.ndarray, '*size'] = table[levels].astype(np.float32)
    return mapped


def _ranks(levels: npt.NDArray[np.intp]) -> Float64[np.ndarray, ' levels']:
    """Mean rank in [0, 1] of the pixels of each grey level."""
    counts = np.bincount(levels.ravel(), minlength=_LEVELS)
    ranks: Float64[np.ndarray, ' levels'] = (np.cumsum(counts) - counts / 2) / levels.size
    return ranks
