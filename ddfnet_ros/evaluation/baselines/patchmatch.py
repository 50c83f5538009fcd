# SPDX-License-Identifier: Apache-2.0
"""Nearest-neighbour fields by PatchMatch (Barnes et al. 2009), and voting with them.

Both work on whole arrays: good matches propagate to neighbours at several distances at once
instead of pixel by pixel in scan order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

SIDE = 5  # side of a patch [px]
_STEPS = (8, 4, 2, 1)
_DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))

Picture = Float32[np.ndarray, 'h w 3']
Field = npt.NDArray[np.intp]
"""(2, H, W): row and column of the source patch that matches each target patch."""


def patches_of(picture: Picture) -> Float32[np.ndarray, 'h w d']:
    """Extract the patch around every pixel; edges are repeated."""
    padded = np.pad(picture, [(SIDE // 2,) * 2, (SIDE // 2,) * 2, (0, 0)], 'edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), (0, 1))
    return np.ascontiguousarray(windows).reshape(*picture.shape[:2], -1)


def identity_field(height: int, width: int) -> Field:
    """The field that maps every patch to its own position."""
    return np.indices((height, width))


def improve_field(
    target: Picture, source: Picture, field: Field, generator: np.random.Generator
) -> Field:
    """Improve a field by one round of propagation and random search; costs never rise."""
    target_patches, source_patches = patches_of(target), patches_of(source)
    limits = np.array(source.shape[:2]).reshape(2, 1, 1) - 1
    cost = _patch_distance(target_patches, source_patches, field)
    here = identity_field(*target.shape[:2])

    def try_candidate(candidate: Field) -> None:
        nonlocal field, cost
        candidate = np.clip(candidate, 0, limits)
        found = _patch_distance(target_patches, source_patches, candidate)
        better = found < cost
        field, cost = np.where(better, candidate, field), np.where(better, found, cost)

    for step in _STEPS:
        for dy, dx in _DIRECTIONS:
            try_candidate(np.roll(field - here, (step * dy, step * dx), (1, 2)) + here)
    radius = max(source.shape)
    while radius >= 1:
        try_candidate(field + generator.integers(-radius, radius + 1, field.shape))
        radius //= 2
    return field


def vote(
    source: Picture, coherent: Field, complete: Field, weight: Float32[np.ndarray, 'h w']
) -> Picture:
    """Rebuild the target from the source's patches (Simakov et al. 2008, Sec. 2).

    Args:
        source: Picture that the pixels are taken from.
        coherent: Nearest source patch of every target patch.
        complete: Nearest target patch of every source patch.
        weight: Weight of each source patch in the completeness term.
    """
    height, width = coherent.shape[1:]
    here = identity_field(*source.shape[:2])
    total, count = np.zeros((height * width, 3)), np.zeros(height * width)
    everywhere = np.ones((height, width), np.float32)
    for places, origins, share in ((identity_field(height, width), coherent, everywhere),
                                   (complete, here, weight)):
        for dy in range(-(SIDE // 2), SIDE // 2 + 1):
            for dx in range(-(SIDE // 2), SIDE // 2 + 1):
                y, x = places[0] + dy, places[1] + dx
                inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
                sy = np.clip(origins[0] + dy, 0, source.shape[0] - 1)[inside]
                sx = np.clip(origins[1] + dx, 0, source.shape[1] - 1)[inside]
                index, w = (y * width + x)[inside], share[inside]
                count += np.bincount(index, w, height * width)
                for c in range(3):
                    total[:, c] += np.bincount(index, w * source[sy, sx, c], height * width)
    voted: Picture = (total / count[:, None]).reshape(height, width, 3).astype(np.float32)
    return voted


def _patch_distance(
    target_patches: Float32[np.ndarray, 'h w d'],
    source_patches: Float32[np.ndarray, 'i j d'], field: Field,
) -> Float32[np.ndarray, 'h w']:
    difference = target_patches - source_patches[field[0], field[1]]
    squared: Float32[np.ndarray, 'h w'] = np.einsum('hwd,hwd->hw', difference, difference)
    return squared
