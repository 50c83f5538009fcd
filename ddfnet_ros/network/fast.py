# SPDX-License-Identifier: Apache-2.0
"""The small network: the paper's attention at a quarter of the resolution.

It keeps the idea of Sec. 3.2 (encode each frame, attend by motion and correlation, fuse features
over any number of frames), but instead of decoding colours it predicts, for every pixel, how much
of each linear input frame to take. Two things make that precise:

- every non-reference frame is blended in two versions: as taken, and warped onto the reference;
- the weights start from the merge that is right where nothing moves (`starting_weights`), so the
  network only has to learn where that is wrong.

Full-resolution pixels are read twice, to describe the cells and to blend, both times in bands of
rows (`parallel.py`). In between, only the warped frames are kept at full resolution.
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
from ddfnet_ros.network.fast_core import (
    FastConfig,
    FastCore,
    Refinement,
    clamped_exp,
    summarise,
)
from ddfnet_ros.parallel import BAND_ROWS, each
from ddfnet_ros.tonemap import inverse_mu_law, mu_law

_MAX_RESIDUAL = 0.1  # after the mu-law, where white in the shortest exposure is 1


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
            flow: Motion from the reference to each of the m = n - 1 other frames [px], (x, y).
            reference_index: Number of frames that are shorter than the reference; None for the
                median.

        Returns:
            Radiance >= 0 relative to the shortest exposure, aligned with the reference.
        """
        frames = stack.shape[1]

        def fuse(predicted: tuple[_Band, tuple[Tensor, ...]]) -> Tensor:
            band, maps = predicted
            prior = starting_weights(band.ldr, reference_index)
            blended = blend(prior, *band.frame_versions(), maps[:frames])
            return add_residual(blended, *maps[frames:])

        return torch.cat(each(fuse, self._predict(stack, flow)), dim=-2)

    def reach(self, flow: Float[Tensor, 'b m 2 h w']) -> int:
        """Number of rows above and below a pixel that its result depends on."""
        return self.config.reach + rows_crossed(flow)

    def shares(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b n h w']:
        """Share of each frame in each pixel of `forward`'s result; they sum to 1."""
        frames = stack.shape[1]
        return torch.cat([
            _blending_shares(starting_weights(band.ldr, reference_index), maps[:frames])
            for band, maps in self._predict(stack, flow)
        ], dim=-2)

    def _predict(self, stack: Tensor, flow: Tensor) -> list[tuple[_Band, tuple[Tensor, ...]]]:
        """Bands, each with the frames' logits for `blend`, then the residual if there is one."""
        bands = _split_into_bands(stack, flow if self.config.moved else torch.zeros_like(flow))
        cells = torch.cat(each(self._describe_cells, bands), dim=-2)
        features = cells.unflatten(0, (len(flow), -1)).unbind(1)
        side = self.config.cell
        cell_maps = self.core(list(features), [summarise(f, side) for f in flow.unbind(1)])
        maps = [F.pixel_shuffle(x.contiguous(), side).float() for x in cell_maps]
        if self.refinement is not None:
            for k, corrected in enumerate(stack[:, :, 3:].unbind(1)):
                maps[k] = self.refinement(maps[k], corrected)
        rows = [band.ldr.shape[-2] for band in bands]
        parts = zip(*(x.split(rows, dim=-2) for x in maps), strict=True)
        return list(zip(bands, parts, strict=True))

    def _describe_cells(self, band: _Band) -> Float[Tensor, 'bn c i j']:
        """Features of each frame's cells in a band."""
        corrected, warped = mu_law(band.corrected), mu_law(band.warped)
        warped = torch.cat([corrected[:, :1], warped], dim=1)
        pixels = torch.cat([band.ldr, corrected, warped], dim=2)
        return F.relu(self.cells(pixels.flatten(0, 1)))


class _Band(NamedTuple):
    """Some rows of all frames; `warped` has the frames but the reference."""

    ldr: Float[Tensor, 'b n 3 rows w']
    corrected: Float[Tensor, 'b n 3 rows w']
    warped: Float[Tensor, 'b m 3 rows w']

    def frame_versions(self) -> tuple[list[Tensor], list[Tensor]]:
        """All frames in place, and all frames warped; the reference is the same in both."""
        in_place = list(self.corrected.unbind(1))
        return in_place, [in_place[0], *self.warped.unbind(1)]


def _split_into_bands(
    stack: Float[Tensor, 'b n 6 h w'], flow: Float[Tensor, 'b m 2 h w']
) -> list[_Band]:
    parts = [(stack, flow)]
    # One band on a GPU, which is fastest on large inputs, and for a compiler, which fuses it all.
    if stack.device.type == 'cpu' and not torch.compiler.is_compiling():
        parts = list(zip(*(x.split(BAND_ROWS, dim=-2) for x in (stack, flow)), strict=True))

    def make_band(number: int) -> _Band:
        stack_rows, flow_rows = parts[number]
        return _Band(stack_rows[:, :, :3], stack_rows[:, :, 3:],
                     warp(stack[:, 1:, 3:], flow_rows, first_row=number * BAND_ROWS))

    return each(make_band, range(len(parts)))


def _blending_shares(
    prior: Float[Tensor, 'b n 3 h w'], logits: Sequence[Float[Tensor, 'b 2 h w']]
) -> Float[Tensor, 'b n h w']:
    """Weights of `blend`, in place and warped together, averaged over the channels."""
    odds = torch.stack([clamped_exp(x).sum(dim=1, keepdim=True) for x in logits], dim=1)
    weights = prior * odds
    return (weights / weights.sum(dim=1, keepdim=True)).mean(dim=2)


def blend(
    prior: Float[Tensor, 'b n 3 h w'],
    in_place: Sequence[Float[Tensor, '#b 3 #h #w']],
    warped: Sequence[Float[Tensor, '#b 3 #h #w']],
    logits: Sequence[Float[Tensor, 'b 2 h w']],
) -> Float[Tensor, 'b 3 h w']:
    """Weighted mean of all frames, in place and warped; weights are the prior times exp(logits).

    Args:
        prior: Weights of the frames before the network's correction.
        in_place: Radiance of each frame as taken.
        warped: Radiance of each frame, warped onto the reference.
        logits: Per frame, logits of the version in place and of the warped one.
    """
    total, weights = torch.zeros_like(prior[:, 0]), torch.zeros_like(prior[:, 0])
    for trust, still, moved, x in zip(prior.unbind(1), in_place, warped, logits, strict=True):
        for_still, for_moved = clamped_exp(x).split(1, dim=1)
        total.addcmul_(trust, torch.addcmul(for_still * still, for_moved, moved))
        weights.addcmul_(trust, for_still + for_moved)
    return total / weights


def add_residual(
    radiance: Float[Tensor, 'b 3 h w'], residual: Float[Tensor, 'b 3 h w'] | None = None
) -> Float[Tensor, 'b 3 h w']:
    """Add a residual, bounded by a tanh, after the mu-law (Eq. 8); None adds nothing."""
    if residual is None:
        return radiance
    return inverse_mu_law(F.relu(mu_law(radiance) + _MAX_RESIDUAL * residual.tanh()))
