# SPDX-License-Identifier: Apache-2.0
"""Image pairs of equal brightness and clipping, which a flow method can compare."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

ENCODING = 1 / 2.2
"""Exponent that encodes the linear frames for display, as flow methods expect images."""

LEAST_WHITE = 1e-6
"""Lower bound of the white level, for black frames."""


def corrected_frames(stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b n 3 h w']:
    """P_i of the stack, on which motion is estimated (Sec. 3.2.2)."""
    return stack[:, :, 3:]


def common_range(
    corrected: Float[Tensor, 'b n c h w'], cell: int = 1
) -> tuple[Float[Tensor, 'b m c i j'], Float[Tensor, 'b m c i j']]:
    """Pair the reference with each other frame, with the range that both can show.

    Paper: the corrected frames P_i "have a uniform light intensity distribution". Here: a pair
    also gets a common white level, because a lamp that is clipped in one frame only looks like
    motion (doc/paper.md#motion). That is the lower of the two maxima: the maximum of a frame with
    clipping is its white level, and clipping another frame at its maximum changes nothing.

    Args:
        corrected: P_i (Eq. 2) or its luminance, the reference first.
        cell: Side of the squares of pixels to average; divides height and width.

    Returns:
        Reference and other frame of each of the m = n - 1 pairs, in [0, 1], encoded for display.
    """
    brightest = corrected.amax(dim=(2, 3, 4), keepdim=True)
    white = brightest[:, :1].minimum(brightest[:, 1:]).clamp(min=LEAST_WHITE)
    reference, other = (
        _average_cells((frames / white).clamp(0, 1), cell).pow(ENCODING)
        for frames in (corrected[:, :1], corrected[:, 1:])
    )
    return reference, other


def _average_cells(
    frames: Float[Tensor, 'b n c h w'], cell: int
) -> Float[Tensor, 'b n c i j']:
    return F.avg_pool2d(frames.flatten(0, 1), cell).unflatten(0, frames.shape[:2])
