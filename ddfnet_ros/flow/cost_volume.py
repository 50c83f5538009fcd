# SPDX-License-Identifier: Apache-2.0
"""Cost volume: similarity of each pixel to those nearby in the other frame (PWC-Net, Eq. 2)."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_TILE = 8


def cost_volume(
    reference: Float[Tensor, 'k c h w'], other: Float[Tensor, 'k c h w'], radius: int = 4
) -> Float[Tensor, 'k d h w']:
    """Mean over channels of reference features at p times the other's at p + (x, y).

    Each tile of 8x8 reference pixels is multiplied with the whole window that it can reach, in one
    matrix product. That computes three times as many products as needed, but reads the images
    once, where a loop over displacements would read both for each.

    Args:
        reference: Features of the reference.
        other: Features of the other frame; taken as zero outside the image.
        radius: Largest displacement r in each direction [px].

    Returns:
        d = (2 r + 1)**2 channels, row by row: y from -r to r, and for each y, x from -r to r.
    """
    _, channels, height, width = reference.shape
    below, right = -height % _TILE, -width % _TILE
    queries = _tiles(F.pad(reference, (0, right, 0, below)), _TILE)
    keys = _tiles(F.pad(other, (radius, radius + right, radius, radius + below)),
                  _TILE + 2 * radius)
    products = queries.mT @ keys / channels
    costs = _select_within_radius(products, radius)
    return _join_tiles(costs, height + below, width + right)[..., :height, :width]


def _tiles(maps: Tensor, window: int) -> Float[Tensor, 'k rows columns c window_pixels']:
    """Square windows of side `window`, 8 pixels apart."""
    windows = maps.unfold(2, window, _TILE).unfold(3, window, _TILE)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(4)


def _select_within_radius(
    products: Tensor, radius: int
) -> Float[Tensor, 'k rows columns q q d d']:
    """Of each query's products with the whole window, select the keys within `radius`.

    The query at (y, x) of its tile is at (y + r, x + r) of the window; its keys start at (y, x).
    The result is a view: the next query's keys are one step further along the diagonal.
    """
    side = _TILE + 2 * radius
    reach = 2 * radius + 1
    products = products.contiguous().reshape(*products.shape[:3], _TILE, _TILE, side, side)
    *outer, query_y, query_x, key_y, key_x = products.stride()
    return products.as_strided(
        (*products.shape[:3], _TILE, _TILE, reach, reach),
        (*outer, query_y + key_y, query_x + key_x, key_y, key_x),
    )


def _join_tiles(costs: Tensor, height: int, width: int) -> Float[Tensor, 'k d h w']:
    """Join tiles to an image, with displacements as channels."""
    channels_first = costs.permute(0, 5, 6, 1, 3, 2, 4)
    return channels_first.reshape(costs.shape[0], -1, height, width)
