# SPDX-License-Identifier: Apache-2.0
"""Move images along a flow."""

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
    """Move frames onto the reference: sample each at p + flow(p), bilinear.

    Args:
        frames: Images or feature maps.
        flow: Pixels (x, y) on the reference's grid; all of its rows, or some that follow.
        outside: What lies beyond the edges: 'border' repeats them, 'zeros' is black.
        first_row: Of the reference that the flow starts with.
    """
    height, width = frames.shape[-2:]
    # grid_sample's [-1, 1] are the centres of the first and last pixel (align_corners). The grid
    # stays in the flow's precision: in bfloat16 a coordinate would be off by whole pixels.
    x, y = _unit(width, 0, width, flow), _unit(height, first_row, flow.shape[-2], flow)[:, None]
    grid = torch.stack([
        torch.add(x, flow[:, :, 0], alpha=_step(width)),
        torch.add(y, flow[:, :, 1], alpha=_step(height)),
    ], dim=-1).flatten(0, 1)
    moved = functional.grid_sample(
        frames.flatten(0, 1).to(grid.dtype), grid, padding_mode=outside, align_corners=True
    )
    return moved.unflatten(0, frames.shape[:2]).to(frames.dtype)


def rows_crossed(flow: Float[Tensor, 'b m 2 h w']) -> int:
    """Rows, at most, between a pixel and those that `warp` makes it from."""
    return math.ceil(float(flow[:, :, 1].abs().amax())) + 1


def _step(size: int) -> float:
    """From one pixel to the next, in units of `grid_sample`."""
    return 2 / max(size - 1, 1)


def _unit(size: int, first: int, count: int, like: Tensor) -> Tensor:
    """Some pixels that follow, in units of `grid_sample`."""
    pixels = torch.arange(first, first + count, device=like.device, dtype=like.dtype)
    return pixels * _step(size) - 1
