# SPDX-License-Identifier: Apache-2.0
"""Nearest patches by PatchMatch (Barnes et al. 2009), and voting with them.

Both take whole arrays at a time: a good match spreads to neighbours at several distances at
once instead of pixel by pixel in scan order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

SIDE = 5  # of a patch [px]
_REACHES = (8, 4, 2, 1)
_DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))

Picture = Float32[np.ndarray, 'h w 3']
Field = npt.NDArray[np.intp]
"""(2, H, W): row and column in the source of the patch that is nearest to each target patch."""


def patches_of(picture: Picture) -> Float32[np.ndarray, 'h w d']:
    """The patch around every pixel; edges are repeated."""
    padded = np.pad(picture, [(SIDE // 2,) * 2, (SIDE // 2,) * 2, (0, 0)], 'edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), (0, 1))
    return np.ascontiguousarray(windows).reshape(*picture.shape[:2], -1)


def in_place(height: int, width: int) -> Field:
    """The field in which nothing moved."""
    return np.indices((height, width))


def nearest(
    target: Picture, source: Picture, field: Field, generator: np.random.Generator
) -> Field:
    """Improve a field by one round of propagation and random search."""
    wanted, offered = patches_of(target), patches_of(source)
    limits = np.array(source.shape[:2]).reshape(2, 1, 1) - 1
    cost = _distance(wanted, offered, field)
    here = in_place(*target.shape[:2])

    def offer(candidate: Field) -> None:
        nonlocal field, cost
        candidate = np.clip(candidate, 0, limits)
        found = _distance(wanted, offered, candidate)
        better = found < cost
        field, cost = np.where(better, candidate, field), np.where(better, found, cost)

    for reach in _REACHES:
        for dy, dx in _DIRECTIONS:
            offer(np.roll(field - here, (reach * dy, reach * dx), (1, 2)) + here)
    radius = max(source.shape)
    while radius >= 1:
        offer(field + generator.integers(-radius, radius + 1, field.shape))
        radius //= 2
    return field


def vote(
    source: Picture, coherent: Field, complete: Field, weight: Float32[np.ndarray, 'h w']
) -> Picture:
    """Rebuild the target from the source's patches (Simakov et al. 2008, Sec. 2).

    Args:
        source: Where the pixels come from.
        coherent: For every target patch the nearest source patch.
        complete: For every source patch the nearest target patch.
        weight: How much each source patch has to appear.
    """
    height, width = coherent.shape[1:]
    here = in_place(*source.shape[:2])
    total, count = np.zeros((height * width, 3)), np.zeros(height * width)
    everywhere = np.ones((height, width), np.float32)
    for places, origins, share in ((in_place(height, width), coherent, everywhere),
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


def _distance(
    wanted: Float32[np.ndarray, 'h w d'], offered: Float32[np.ndarray, 'i j d'], field: Field
) -> Float32[np.ndarray, 'h w']:
    difference = wanted - offered[field[0], field[1]]
    squared: Float32[np.ndarray, 'h w'] = np.einsum('hwd,hwd->hw', difference, difference)
    return squared
