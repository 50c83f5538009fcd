# SPDX-License-Identifier: Apache-2.0
"""Ghost-free merging by rank minimisation (Lee et al. 2014).

Irradiance maps of a still scene are proportional, so a matrix with one map per column has rank
one. Ghosts are sparse, connected entries that do not fit; under- and over-exposed pixels count as
unobserved. Low rank, sparsity, connectivity and the exposure prior follow the letter's abstract.
Chosen here: singular values are thresholded (Mazumder et al. 2010), the residual is smoothed in
place of a Markov random field, and the sparsity threshold falls from round to round.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.debevec import weighted_log_mean
from ddfnet_ros.evaluation.baselines.frames import (
    grey_of,
    ldr_of,
    linear_of,
    radiance_of,
)
from ddfnet_ros.radiance import GAMMA

_EXPOSED = (0.03, 0.97)               # LDR values that count as observed
_THRESHOLDS = (0.3, 0.2, 0.1, 0.06)   # thresholds of the residual per round, after gamma
_ROUNDS = 4                           # completions of the matrix per threshold
_SHRINK = 1e-3                        # shrinkage as a share of the largest singular value
_CONNECTED = 1.5                      # sigma of the residual's smoothing [px]

Maps = Float32[np.ndarray, 'n h w']


def rank_minimised(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Merge the pixels that fit the rank-one irradiance; elsewhere take the reference."""
    ldr, linear = ldr_of(bracket), linear_of(bracket)
    irradiance = np.stack([grey_of(frame) for frame in linear]) ** np.float32(1 / GAMMA)
    observed = np.all((ldr > _EXPOSED[0]) & (ldr < _EXPOSED[1]), axis=-1)
    ghosts = ghost_maps(irradiance, observed)
    hat = (1 - np.abs(2 * ldr - 1)).clip(min=1e-3)
    weights = hat * (observed & ~ghosts)[..., None]
    weights[bracket.reference_index][weights.max(axis=(0, 3)) == 0] = 1
    return radiance_of(weighted_log_mean(linear, weights), bracket)


def ghost_maps(irradiance: Maps, observed: Bool[np.ndarray, 'n h w']) -> Bool[np.ndarray, 'n h w']:
    """Mask of pixels that do not fit the low-rank background, per frame.

    Args:
        irradiance: One map per frame, all on the same scale.
        observed: Mask of pixels that are neither under- nor over-exposed.
    """
    ghosts = np.zeros_like(observed)
    background = _median_background(irradiance, observed)
    for threshold in _THRESHOLDS:
        known = observed & ~ghosts
        for _ in range(_ROUNDS):
            background = _reduce_rank(np.where(known, irradiance, background))
        residual = np.where(observed, np.abs(irradiance - background), 0).astype(np.float32)
        connected = np.stack([cv2.GaussianBlur(r, (0, 0), _CONNECTED) for r in residual])
        ghosts = observed & (connected > threshold)
    return ghosts


def _reduce_rank(maps: Maps) -> Maps:
    """Keep only the singular values above the second, reduced by a share of the first."""
    matrix = maps.reshape(len(maps), -1)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    threshold = max(values[1], _SHRINK * values[0])
    kept = np.where(values > threshold, values - _SHRINK * values[0], 0)
    low: Maps = ((left * kept) @ right).astype(np.float32)
    return low.reshape(maps.shape)


def _median_background(irradiance: Maps, observed: Bool[np.ndarray, 'n h w']) -> Maps:
    """Initial background: median over the frames that observe a pixel, repeated per frame."""
    usable = observed | ~observed.any(axis=0)
    first = np.nanmedian(np.where(usable, irradiance, np.nan), axis=0).astype(np.float32)
    return np.repeat(first[None], len(irradiance), axis=0)
