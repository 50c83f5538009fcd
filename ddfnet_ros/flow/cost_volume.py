# SPDX-License-Identifier: Apache-2.0
"""Cost volume: how well each pixel matches those around it in the other frame (PWC-Net, Eq. 2)."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_TILE = 8


def cost_volume(
    reference: Float[Tensor, 'k c h w'], other: Float[Tensor, 'k c h w'], radius: int = 4
) -> Float[Tensor, 'k d h w']:
    """Mean product of features at p in the reference and p + (x, y) in the other frame.

    Tiles of 8x8 reference pixels are multiplied with the whole window that they can reach, one
    matrix product each. That makes three times the products that are needed, but in one go, where
    a loop over displacements passes over both images for each.

    Args:
        reference: Features.
        other: Features; zero outside of the image.
        radius: Largest displacement r in each direction.

    Returns:
        d = (2 r + 1)**2 channels, row by row: y from -r to r, and x from -r to r in each.
    """
    _, channels, height, width = reference.shape
    below, right = -height % _TILE, -width % _TILE
    queries = _tiles(F.pad(reference, (0, right, 0, below)), _TILE)
    keys = _tiles(F.pad(other, (radius, radius + right, radius, radius + below)),
                  _TILE + 2 * radius)
    products = queries.mT @ keys / channels
    costs = _within_reach(products, radius)
    return _untiled(costs, height + below, width + right)[..., :height, :width]


def _tiles(maps: Tensor, window: int) -> Float[Tensor, 'k rows columns c window_pixels']:
    """Square windows, 8 pixels apart."""
    windows = maps.unfold(2, window, _TILE).unfold(3, window, _TILE)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(4)


def _within_reach(products: Tensor, radius: int) -> Float[Tensor, 'k rows columns q q d d']:
    """Of each query's products with the whole window, those at most `radius` away.

    The query at (y, x) of its tile is at (y + r, x + r) of the window; its keys start at (y, x).
    A view, one step along the diagonal of query and key for each query.
    """
    side = _TILE + 2 * radius
    reach = 2 * radius + 1
    products = products.contiguous().reshape(*products.shape[:3], _TILE, _TILE, side, side)
    *outer, query_y, query_x, key_y, key_x = products.stride()
    return products.as_strided(
        (*products.shape[:3], _TILE, _TILE, reach, reach),
        (*outer, query_y + key_y, query_x + key_x, key_y, key_x),
    )


def _untiled(costs: Tensor, height: int, width: int) -> Float[Tensor, 'k d h w']:
    """Tiles back to an image, displacements to channels."""
    channels_first = costs.permute(0, 5, 6, 1, 3, 2, 4)
    return channels_first.reshape(costs.shape[0], -1, height, width)
