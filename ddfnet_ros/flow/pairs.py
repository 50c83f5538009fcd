# SPDX-License-Identifier: Apache-2.0
"""Image pairs that a flow method can compare: equal brightness, equal clipping."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

ENCODING = 1 / 2.2
"""Flow methods were made for display images, so dark detail is lifted again."""

LEAST_WHITE = 1e-6
"""White level of frames that are black."""


def corrected_frames(stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b n 3 h w']:
    """P_i of the stack, what motion is estimated on (Sec. 3.2.2)."""
    return stack[:, :, 3:]


def common_range(
    corrected: Float[Tensor, 'b n c h w'], cell: int = 1
) -> tuple[Float[Tensor, 'b m c i j'], Float[Tensor, 'b m c i j']]:
    """Pair the reference with each other frame, in the range that both can show.

    Paper: the corrected frames P_i "have a uniform light intensity distribution". Here: they also
    get one white level, because a lamp that is clipped in one frame only looks like motion
    (doc/paper.md#motion). A frame that clips anywhere has its white level as its maximum, and one
    that does not clip loses nothing at its maximum; so the lower of the two maxima serves.

    Args:
        corrected: P_i (Eq. 2) or its luminance, the reference first.
        cell: Side of the squares of pixels that are averaged to one; divides height and width.

    Returns:
        The reference and the other frame of the m = n - 1 pairs, in [0, 1], encoded for display.
    """
    brightest = corrected.amax(dim=(2, 3, 4), keepdim=True)
    white = brightest[:, :1].minimum(brightest[:, 1:]).clamp(min=LEAST_WHITE)
    reference, other = (
        _averaged((frames / white).clamp(0, 1), cell).pow(ENCODING)
        for frames in (corrected[:, :1], corrected[:, 1:])
    )
    return reference, other


def _averaged(
    frames: Float[Tensor, 'b n c h w'], cell: int
) -> Float[Tensor, 'b n c i j']:
    return F.avg_pool2d(frames.flatten(0, 1), cell).unflatten(0, frames.shape[:2])
