# SPDX-License-Identifier: Apache-2.0
"""Structural patch decomposition, SPD-MEF (Ma et al. 2017).

A colour patch x is contrast times structure plus mean intensity: x = c s + l. The three parts are
fused separately: the highest contrast, a mean structure weighted by patch strength, and a mean
intensity weighted by exposedness. A patch whose structure differs from the reference's shows
motion. It is replaced by the reference's patch mapped to the frame's exposure.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, ldr_of, like_frames
from ddfnet_ros.evaluation.baselines.intensity_mapping import mapped_like

PATCH, STRIDE = 21, 2           # side and step of the patches [px]
_POWER = 4                      # exponent of patch strength in the mean structure
_SIGMA_GLOBAL, _SIGMA_LOCAL = 0.2, 0.5
_SAME_STRUCTURE = 0.8           # lowest correlation with the reference's patch
_SAME_MEAN = 0.1                # largest difference of means to the mapped reference
_NOISE = np.float32(0.03**2)    # variance per value below which there is no structure

Patches = Float32[np.ndarray, 'n p d']


def structural_patches(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Fused display image, aligned with the reference."""
    ldr, reference = ldr_of(bracket), bracket.reference_index
    latent = np.stack([mapped_like(ldr[reference], frame) for frame in ldr])
    latent[reference] = ldr[reference]
    return like_frames(_fuse_frames(ldr, latent, reference), bracket)


def consistent(
    patches: Patches, latent: Patches, reference: int
) -> Bool[np.ndarray, 'n p']:
    """Mask of patches that agree with the reference's patch in structure and mean."""
    centred = patches - patches.mean(-1, keepdims=True)
    noise = _NOISE * patches.shape[-1]
    strength = np.linalg.norm(centred, axis=-1)
    product = (centred * centred[reference]).sum(-1)
    correlation = (product + noise) / (strength * strength[reference] + noise)
    same_mean = np.abs(patches.mean(-1) - latent.mean(-1)) < _SAME_MEAN
    same: Bool[np.ndarray, 'n p'] = (correlation > _SAME_STRUCTURE) & same_mean
    same[reference] = True
    return same


def fuse_patches(
    patches: Patches, frame_means: Float32[np.ndarray, ' n']
) -> Float32[np.ndarray, 'p d']:
    """Fuse patches that show the same content under n exposures.

    Args:
        patches: Values in [0, 1], one row per patch and exposure.
        frame_means: Mean intensity of each whole frame.
    """
    means = patches.mean(-1, keepdims=True)
    centred = patches - means
    strength = np.linalg.norm(centred, axis=-1, keepdims=True)
    structure = centred / np.maximum(strength, 1e-6)
    mean_structure = (strength**_POWER * structure).sum(0)
    direction = mean_structure / np.maximum(
        np.linalg.norm(mean_structure, axis=-1, keepdims=True), 1e-12)
    exposed = np.exp(
        -((frame_means[:, None, None] - 0.5) ** 2) / (2 * _SIGMA_GLOBAL**2)
        - (means - 0.5) ** 2 / (2 * _SIGMA_LOCAL**2))
    intensity = (exposed * means).sum(0) / exposed.sum(0)
    fused: Float32[np.ndarray, 'p d'] = strength.max(0) * direction + intensity
    return fused.astype(np.float32)


def _fuse_frames(
    ldr: Stack, latent: Stack, reference: int
) -> Float32[np.ndarray, 'h w 3']:
    height, width = ldr.shape[1:3]
    side = min(PATCH, height, width)
    frame_means = ldr.mean(axis=(1, 2, 3))
    total, count = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 1))
    columns = _patch_positions(width, side)
    for row in _patch_positions(height, side):  # one row of patches at a time, to save memory
        own, mapped = (_extract_patches(frames, row, columns, side) for frames in (ldr, latent))
        same = consistent(own, mapped, reference)
        fused = fuse_patches(np.where(same[..., None], own, mapped), frame_means)
        for column, patch in zip(columns, fused.reshape(-1, side, side, 3), strict=True):
            total[row:row + side, column:column + side] += patch
            count[row:row + side, column:column + side] += 1
    return np.clip(total / count, 0, 1).astype(np.float32)


def _extract_patches(frames: Stack, row: int, columns: list[int], side: int) -> Patches:
    strip = frames[:, row:row + side]
    windows = np.lib.stride_tricks.sliding_window_view(strip, side, axis=2)[:, :, columns]
    ordered = windows.transpose(0, 2, 1, 4, 3)  # n, place, row, column, channel
    return np.ascontiguousarray(ordered).reshape(len(frames), len(columns), -1)


def _patch_positions(size: int, side: int) -> list[int]:
    last = size - side
    return sorted({*range(0, last, STRIDE), last})
