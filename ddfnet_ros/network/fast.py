# SPDX-License-Identifier: Apache-2.0
"""The small network: the paper's attention at a quarter of the resolution.

It keeps the idea of Sec. 3.2 (encode each frame, attend by motion and correlation, fuse features
over any number of frames), but instead of decoding colours it predicts, for every pixel, how much
of each linear input frame to take. Two things make that precise:

- every non-reference frame is offered twice, as taken and moved onto the reference by its flow;
- the weights start from the merge that is right where nothing moves (`starting_weights`), so the
  network only has to learn where that is wrong.

Pixels are looked at twice, on the way into cells and when they are blended, both times in bands of
rows (`parallel.py`): of what lies between, only the moved frames exist at full resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.flow.warp import rows_crossed, warp
from ddfnet_ros.kernels.cells import CHANNELS
from ddfnet_ros.merge import starting_weights
from ddfnet_ros.network.fast_core import FastConfig, FastCore, Refinement, exp, summarise
from ddfnet_ros.parallel import BAND_ROWS, each
from ddfnet_ros.tonemap import inverse_mu_law, mu_law

_MOST_ADDED = 0.1  # after the mu-law, where white in the shortest exposure is 1


class FastFusion(nn.Module):
    """Per-pixel weights over the input frames, from attention at quarter resolution."""

    def __init__(self, config: FastConfig | None = None) -> None:
        super().__init__()
        self.config = config or FastConfig()
        side = self.config.cell
        self.multiple = 2 * side  # of height and width of the input
        self.cells = nn.Conv2d(CHANNELS, self.config.channels, side, stride=side)
        self.core = FastCore(self.config)
        self.refinement = Refinement() if self.config.refined else None

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long.
            flow: Pixels (x, y) from the reference to each of the m = n - 1 other frames.
            reference_index: How many frames are shorter than the reference; None: the median.

        Returns:
            Radiance relative to the shortest exposure, >= 0, on the reference's pixels.
        """
        frames = stack.shape[1]

        def fused(judged: tuple[_Band, tuple[Tensor, ...]]) -> Tensor:
            band, maps = judged
            prior = starting_weights(band.ldr, reference_index)
            return amend(blend(prior, *band.offers(), maps[:frames]), *maps[frames:])

        return torch.cat(each(fused, self._judge(stack, flow)), dim=-2)

    def reach(self, flow: Float[Tensor, 'b m 2 h w']) -> int:
        """Rows above and below a pixel that its result depends on."""
        return self.config.reach + rows_crossed(flow)

    def shares(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b n h w']:
        """How much of each frame each pixel takes as `forward` would; they sum to 1."""
        frames = stack.shape[1]
        return torch.cat([
            _shares(starting_weights(band.ldr, reference_index), maps[:frames])
            for band, maps in self._judge(stack, flow)
        ], dim=-2)

    def _judge(self, stack: Tensor, flow: Tensor) -> list[tuple[_Band, tuple[Tensor, ...]]]:
        """Bands, each with its frames' logits for `blend`, and a residual if there is one."""
        bands = _bands(stack, flow if self.config.moved else torch.zeros_like(flow))
        cells = torch.cat(each(self._describe, bands), dim=-2)
        features = cells.unflatten(0, (len(flow), -1)).unbind(1)
        side = self.config.cell
        of_cells = self.core(list(features), [summarise(f, side) for f in flow.unbind(1)])
        maps = [F.pixel_shuffle(x.contiguous(), side).float() for x in of_cells]
        if self.refinement is not None:
            for k, corrected in enumerate(stack[:, :, 3:].unbind(1)):
                maps[k] = self.refinement(maps[k], corrected)
        rows = [band.ldr.shape[-2] for band in bands]
        parts = zip(*(x.split(rows, dim=-2) for x in maps), strict=True)
        return list(zip(bands, parts, strict=True))

    def _describe(self, band: _Band) -> Float[Tensor, 'bn c i j']:
        """What each frame shows in the cells of a band."""
        corrected, moved = mu_law(band.corrected), mu_law(band.moved)
        moved = torch.cat([corrected[:, :1], moved], dim=1)
        seen = torch.cat([band.ldr, corrected, moved], dim=2)
        return F.relu(self.cells(seen.flatten(0, 1)))


class _Band(NamedTuple):
    """Some rows of all frames."""

    ldr: Float[Tensor, 'b n 3 rows w']
    corrected: Float[Tensor, 'b n 3 rows w']
    moved: Float[Tensor, 'b m 3 rows w']

    def offers(self) -> tuple[list[Tensor], list[Tensor]]:
        """All frames as taken, and as moved; the reference stays where it is."""
        in_place = list(self.corrected.unbind(1))
        return in_place, [in_place[0], *self.moved.unbind(1)]


def _bands(stack: Float[Tensor, 'b n 6 h w'], flow: Float[Tensor, 'b m 2 h w']) -> list[_Band]:
    parts = [(stack, flow)]
    # A GPU wants large pieces, and a compiler fuses it all: both would loop in vain.
    if stack.device.type == 'cpu' and not torch.compiler.is_compiling():
        parts = list(zip(*(x.split(BAND_ROWS, dim=-2) for x in (stack, flow)), strict=True))

    def band(place: int) -> _Band:
        here, there = parts[place]
        return _Band(here[:, :, :3], here[:, :, 3:],
                     warp(stack[:, 1:, 3:], there, first_row=place * BAND_ROWS))

    return each(band, range(len(parts)))


def _shares(
    prior: Float[Tensor, 'b n 3 h w'], logits: Sequence[Float[Tensor, 'b 2 h w']]
) -> Float[Tensor, 'b n h w']:
    """What `blend` mixes with, as taken and moved together, averaged over the channels."""
    odds = torch.stack([exp(x).sum(dim=1, keepdim=True) for x in logits], dim=1)
    weights = prior * odds
    return (weights / weights.sum(dim=1, keepdim=True)).mean(dim=2)


def blend(
    prior: Float[Tensor, 'b n 3 h w'],
    in_place: Sequence[Float[Tensor, '#b 3 #h #w']],
    in_motion: Sequence[Float[Tensor, '#b 3 #h #w']],
    logits: Sequence[Float[Tensor, 'b 2 h w']],
) -> Float[Tensor, 'b 3 h w']:
    """Mix the frames, as taken and moved, with convex weights: the prior times exp(logits)."""
    total, weights = torch.zeros_like(prior[:, 0]), torch.zeros_like(prior[:, 0])
    for trust, still, moved, x in zip(prior.unbind(1), in_place, in_motion, logits, strict=True):
        for_still, for_moved = exp(x).split(1, dim=1)
        total.addcmul_(trust, torch.addcmul(for_still * still, for_moved, moved))
        weights.addcmul_(trust, for_still + for_moved)
    return total / weights


def amend(
    radiance: Float[Tensor, 'b 3 h w'], residual: Float[Tensor, 'b 3 h w'] | None = None
) -> Float[Tensor, 'b 3 h w']:
    """Add a residual, bounded, after the mu-law (Eq. 8); without one nothing changes."""
    if residual is None:
        return radiance
    return inverse_mu_law(F.relu(mu_law(radiance) + _MOST_ADDED * residual.tanh()))
