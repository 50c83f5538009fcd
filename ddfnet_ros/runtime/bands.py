# SPDX-License-Identifier: Apache-2.0
"""Run a network on one band of rows after the other: the same result with less memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Network = Callable[[Tensor, Tensor, int], Tensor]
"""Called with stack, flow and reference index; returns pictures (b, c, h, w)."""


def in_bands(
    network: Network,
    stack: Float[Tensor, 'b n 6 h w'],
    flow: Float[Tensor, 'b m 2 h w'],
    reference_index: int,
    *,
    bands: int,
    reach: int,
    multiple: int = 1,
) -> Float[Tensor, 'b *c h w']:
    """Run the network band by band; the result is that of the whole picture, but for rounding.

    Each band gets a margin as high as the network's reach. All bands have the same height, those
    at the edges too, so that whatever is prepared per size is prepared once.

    Args:
        network: A network that sees only rows within `reach` of a pixel.
        stack: Input stack, the reference first.
        flow: Flow from the reference to the other frames [px].
        reference_index: Number of frames shorter than the reference.
        bands: Largest number of bands.
        reach: How many rows away from a pixel the network looks, with this flow.
        multiple: The network needs heights that are multiples of this; the stack's height is one.
    """
    height = stack.shape[-2]
    rows = round_up(-(-height // bands), multiple)
    margin = round_up(reach, multiple)
    band_height = min(rows + 2 * margin, height)
    parts = []
    for top in range(0, height, rows):
        first = min(max(top - margin, 0), height - band_height)
        band = slice(first, first + band_height)
        result = network(stack[..., band, :], flow[..., band, :], reference_index)
        parts.append(result[..., top - first:top - first + rows, :])
    return torch.cat(parts, dim=-2)


def round_up(size: int, multiple: int) -> int:
    """The smallest multiple that is not below the size."""
    return -(-size // multiple) * multiple
