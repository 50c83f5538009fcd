# SPDX-License-Identifier: Apache-2.0
"""Warp images by a flow."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def warp(
    frames: Float[Tensor, 'b m c h w'], flow: Float[Tensor, 'b m 2 rows w'],
    outside: str = 'border', first_row: int = 0,
) -> Float[Tensor, 'b m c rows w']:
    """Warp frames onto the reference: sample each at p + flow(p), bilinear.

    Args:
        frames: Images or feature maps.
        flow: Flow [px], (x, y), on the reference's grid; all rows, or a band of rows.
        outside: Values beyond the edges: 'border' repeats the edge, 'zeros' is black.
        first_row: Row of the reference at which the flow begins.
    """
    height, width = frames.shape[-2:]
    # grid_sample's [-1, 1] are the centres of the first and last pixel (align_corners). The grid
    # stays in the flow's precision: in bfloat16 a coordinate would be off by whole pixels.
    x = _grid_coordinates(width, 0, width, flow)
    y = _grid_coordinates(height, first_row, flow.shape[-2], flow)[:, None]
    grid = torch.stack([
        torch.add(x, flow[:, :, 0], alpha=_step(width)),
        torch.add(y, flow[:, :, 1], alpha=_step(height)),
    ], dim=-1).flatten(0, 1)
    moved = functional.grid_sample(
        frames.flatten(0, 1).to(grid.dtype), grid, padding_mode=outside, align_corners=True
    )
    return moved.unflatten(0, frames.shape[:2]).to(frames.dtype)


def rows_crossed(flow: Float[Tensor, 'b m 2 h w']) -> int:
    """Largest distance in rows between a pixel and the pixels that `warp` samples for it."""
    return math.ceil(float(flow[:, :, 1].abs().amax())) + 1


def _step(size: int) -> float:
    """Distance of neighbouring pixels, in units of `grid_sample`."""
    return 2 / max(size - 1, 1)


def _grid_coordinates(size: int, first: int, count: int, like: Tensor) -> Tensor:
    """Coordinates of `count` pixels from `first` on, in units of `grid_sample`."""
    pixels = torch.arange(first, first + count, device=like.device, dtype=like.dtype)
    return pixels * _step(size) - 1
