# SPDX-License-Identifier: Apache-2.0
"""The static merge: a weighted mean of the frames that is correct where nothing moves.

Kalantari and Ramamoorthi (2017) make their ground truth with it, from brackets of a still scene:
mid-tones come from the reference, bright pixels from the next shorter frame, dark ones from the
next longer, with triangle weights over the LDR value. Here it is extended to any number of frames:
each frame hands over to the next shorter or longer one what it cannot show itself. A longer frame
is not used where it is clipped, because its value is only a lower bound there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import median_index

BRIGHT = 0.8
"""LDR value up to which the reference is better than a shorter, noisier frame."""

FLOOR = 2e-3
"""Starting weight of frames that the static merge would not use."""

CLIP_RAMP = 20.0
"""A frame is trusted fully up to 1 - 1/20 of its range."""


def static_weights(
    ldr: Float[Tensor, 'b n 3 h w'], reference_index: int, bright: float = 0.5
) -> Float[Tensor, 'b n 3 h w']:
    """Compute the weights of the frames for each pixel and channel; they sum to 1 over the frames.

    Args:
        ldr: Frames in [0, 1], the reference first, the others from short to long.
        reference_index: Number of frames that are shorter than the reference.
        bright: LDR value above which a frame hands over to the next shorter one, in [0, 1].
    """
    def too_bright(giver: Tensor, _taker: Tensor) -> Tensor:
        """From 0 at `bright` to 1 at white."""
        return ((giver - bright) / (1 - bright)).clamp(min=0)

    weights: list[Any] = [1.0] * ldr.shape[1]  # the reference has all until it hands over
    nearest_shorter_first = range(reference_index, 0, -1)
    longer = range(reference_index + 1, ldr.shape[1])
    for side, hands_on in ((nearest_shorter_first, too_bright), (longer, _too_dark_unclipped)):
        share: Any = 1.0
        for giver, taker in pairwise([0, *side]):
            share = share * hands_on(ldr[:, giver], ldr[:, taker])
            weights[giver] = weights[giver] - share
            weights[taker] = share
    return torch.stack(weights, dim=1)


def starting_weights(
    ldr: Float[Tensor, 'b n 3 h w'], reference_index: int | None = None
) -> Float[Tensor, 'b n 3 h w']:
    """Weights that networks start from: static weights with hand-over at BRIGHT, plus FLOOR.

    Args:
        ldr: Frames in [0, 1], the reference first, the others from short to long.
        reference_index: Number of frames shorter than the reference; None: that of the median.
    """
    if reference_index is None:
        reference_index = median_index(ldr.shape[1])
    return static_weights(ldr, reference_index, BRIGHT).add_(FLOOR)


def static_merge(
    ldr: Float[Tensor, 'b n 3 h w'], corrected: Float[Tensor, 'b n 3 h w'], reference_index: int
) -> Float[Tensor, 'b 3 h w']:
    """Compute the weighted mean of the corrected frames P_i; has ghosts where something moved."""
    return (static_weights(ldr, reference_index) * corrected).sum(dim=1)


def _too_dark_unclipped(giver: Tensor, taker: Tensor) -> Tensor:
    """From 1 at black to 0 at mid-grey; 0 where the longer frame is clipped."""
    return (1 - 2 * giver).clamp(min=0) * (CLIP_RAMP * (1 - taker)).clamp(max=1)
