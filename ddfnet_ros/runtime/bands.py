# SPDX-License-Identifier: Apache-2.0
"""A network on one band of rows after the other: less memory for the same result."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Network = Callable[[Tensor, Tensor, int], Tensor]
"""Called with stack, flow and reference index; gives pictures (b, c, h, w)."""


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
    """What the network gives for the whole, but for rounding.

    Every band is given as many rows more as the network looks away from a pixel. All are equally
    high, those at the edges too, so that what is made for a size is made once.

    Args:
        network: Of limited reach.
        stack: Input, the reference first.
        flow: From the reference to the others.
        reference_index: As the network takes it.
        bands: At most this many.
        reach: Rows that the network looks away from a pixel, with this flow.
        multiple: Of which the height of what the network is given must be, and the stack's is.
    """
    height = stack.shape[-2]
    rows = round_up(-(-height // bands), multiple)
    margin = round_up(reach, multiple)
    given = min(rows + 2 * margin, height)
    parts = []
    for top in range(0, height, rows):
        first = min(max(top - margin, 0), height - given)
        band = slice(first, first + given)
        result = network(stack[..., band, :], flow[..., band, :], reference_index)
        parts.append(result[..., top - first:top - first + rows, :])
    return torch.cat(parts, dim=-2)


def round_up(size: int, multiple: int) -> int:
    """The next multiple that is not smaller."""
    return -(-size // multiple) * multiple
