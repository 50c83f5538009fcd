# SPDX-License-Identifier: Apache-2.0
"""Mend halos: silhouettes of what moved, in areas that the reference clips (Sec. 4.2.5).

Where the reference is white, the scene is at least as bright as its white. A shorter frame that is
darker there shows something else, and its share in the result is the halo.

Each shorter frame offers two values for a pixel: its own at that place, and its own moved by the
flow. A halo is replaced by the offers that are bright enough. Where all of them are darker, the
reference's white is filled in, as the least that can be true.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from ddfnet_ros.flow.warp import warp
from ddfnet_ros.merge import CLIP_RAMP
from ddfnet_ros.parallel import BAND_ROWS, each, row_pieces

WHITE = 0.99
"""LDR value from which on a channel of the reference is clipped."""

CERTAIN = 0.8
"""Offers below this share of the white show something else; exposures may be a little wrong."""

LEAST = 1e-3
"""Trust in an offer that is clipped itself, which is brighter than all others."""


def without_halo(
    radiance: Float[Tensor, '3 h w'],
    stack: Float[Tensor, '1 n 6 h w'],
    flow: Float[Tensor, '1 m 2 h w'],
    reference_index: int,
) -> Float[Tensor, '3 h w']:
    """Raise clipped pixels that were mixed with something darker; leave others as they are.

    Args:
        radiance: Output of a network, relative to the shortest exposure.
        stack: X_i = [I_i, P_i], the reference first, the others from short to long.
        flow: Pixels (x, y) from the reference to each of the m = n - 1 other frames.
        reference_index: Number of frames shorter than the reference.
    """
    if not reference_index:
        return radiance
    shorter = stack[:, 1:1 + reference_index]
    height = radiance.shape[-2]
    on_cpu = radiance.device.type == 'cpu'

    def mend_rows(piece: tuple[int, int]) -> Tensor:
        rows = slice(piece[0], sum(piece))
        seen = slice(max(rows.start - 1, 0), rows.stop + 1)  # rows and their neighbours
        ldr, white = stack[0, 0, :3, seen], stack[0, 0, 3:, seen]
        clipped = ldr >= WHITE
        if on_cpu and not clipped.any():  # on a GPU, asking would mean waiting
            return radiance[:, rows]
        moved = warp(shorter, flow[:, :reference_index, :, seen], first_row=seen.start)
        offers = torch.cat([shorter[..., seen, :], moved], dim=1)[0]
        filled, contradicted = _fill_from_offers(offers, white, clipped)
        own = slice(rows.start - seen.start, rows.stop - seen.start)
        raised = torch.maximum(radiance[:, rows], filled[:, own])
        return torch.where((contradicted & clipped)[:, own], raised, radiance[:, rows])

    pieces = row_pieces(height, BAND_ROWS if on_cpu else height)
    return torch.cat(each(mend_rows, pieces), dim=1)


def _fill_from_offers(
    offers: Float[Tensor, 'k 6 h w'], white: Float[Tensor, '3 h w'], clipped: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean of the offers that are bright enough; and where some, at or beside a pixel, are not."""
    ldr, corrected = offers[:, :3], offers[:, 3:]
    least = torch.where(clipped, white * CERTAIN, 0)
    darker = (corrected < least).any(dim=1, keepdim=True)
    # Pixels beside a darker one may be mixed with it, yet be bright enough to go unnoticed.
    near = max_pool2d(darker.float(), 3, stride=1, padding=1)
    agrees = torch.where(near.amin(dim=0) == 0, 1 - near, (~darker).float())
    unclipped = (CLIP_RAMP * (1 - ldr.amax(dim=1, keepdim=True))).clamp(LEAST, 1)
    trust = agrees * unclipped
    total = trust.sum(dim=0)
    mean = (trust * corrected).sum(dim=0) / total.clamp(min=LEAST)
    return torch.where(total > 0, mean, white), near.amax(dim=0) > 0
