# SPDX-License-Identifier: Apache-2.0
"""The small network: the paper's attention at a quarter of the resolution.

It keeps the idea of Sec. 3.2 (encode each frame, attend by motion and correlation, fuse features
over any number of frames), but instead of decoding colours it predicts, for every pixel, how much
of each linear input frame to take. Three things make that precise:

- every non-reference frame is offered twice, as taken and moved onto the reference by its flow;
- the weights start from the merge that is right where nothing moves (`static_weights`), so the
  network only has to learn where that is wrong;
- a small bounded residual in the mu-law domain removes what no mixture can.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.bracket import median_index
from ddfnet_ros.flow.warp import rows_crossed, warp
from ddfnet_ros.merge import static_weights
from ddfnet_ros.network.fast_core import CELL, FastConfig, FastCore, exp
from ddfnet_ros.tonemap import MU, mu_law

_BRIGHT = 0.8  # up to here the reference shows things better than a shorter, noisier frame
_BAND = 32  # rows that are blended together: more would not stay in the CPU's cache
_PRIOR_FLOOR = 2e-3  # what the static merge leaves to frames that it would not use


class FastFusion(nn.Module):
    """Per-pixel weights over the input frames, from attention at quarter resolution."""

    multiple = 2 * CELL
    """Height and width of the input must be multiples of this."""

    def __init__(self, config: FastConfig | None = None) -> None:
        super().__init__()
        self.config = config or FastConfig()
        self.core = FastCore(self.config)

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
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        moved = torch.cat([corrected[:, :1], warp(corrected[:, 1:], flow)], dim=1)
        logits, residual = self._judge(ldr, corrected, moved, flow)
        maps = ldr, corrected, moved, logits, residual
        if torch.compiler.is_compiling():  # a compiler fuses it all, and loops over bands in vain
            return self._finish(reference_index, *maps)
        parts = [x.split(_BAND, dim=-2) for x in maps]
        bands = [self._finish(reference_index, *band) for band in zip(*parts, strict=True)]
        return torch.cat(bands, dim=-2)

    def _finish(
        self, reference_index: int | None, ldr: Tensor, corrected: Tensor, moved: Tensor,
        logits: Tensor, residual: Tensor,
    ) -> Tensor:
        """Radiance, pixel by pixel, of some rows."""
        merged = blend(_prior(ldr, reference_index), corrected, moved, logits)
        return add_in_mu_law(merged, self.config.residual * torch.tanh(residual))

    def reach(self, flow: Float[Tensor, 'b m 2 h w']) -> int:
        """Rows above and below a pixel that its result depends on."""
        return self.config.reach + rows_crossed(flow)

    def reference_share(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b h w']:
        """How much of the reference each pixel takes, in [0, 1], as `forward` would."""
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        moved = torch.cat([corrected[:, :1], warp(corrected[:, 1:], flow)], dim=1)
        logits, _ = self._judge(ldr, corrected, moved, flow)
        is_reference = torch.zeros_like(corrected)
        is_reference[:, 0] = 1
        share = blend(_prior(ldr, reference_index), is_reference, is_reference, logits)
        return share.mean(dim=1)

    def _judge(
        self, ldr: Tensor, corrected: Tensor, moved: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of the frames for `blend`, and the residual without bound."""
        seen = torch.cat([ldr, mu_law(corrected), mu_law(moved)], dim=2)
        logits, residual = self.core(list(seen.unbind(1)), list(flow.unbind(1)))
        return torch.stack(logits, dim=1), residual


def blend(
    prior: Float[Tensor, 'b n 3 h w'],
    corrected: Float[Tensor, 'b n 3 h w'],
    moved: Float[Tensor, 'b n 3 h w'],
    logits: Float[Tensor, 'b n 2 h w'],
) -> Float[Tensor, 'b 3 h w']:
    """Mix the frames, as taken and moved, with convex weights: the prior times exp(logits)."""
    in_place, in_motion = exp(logits).split(1, dim=2)
    trust = prior + _PRIOR_FLOOR
    total = (trust * (in_place * corrected + in_motion * moved)).sum(dim=1)
    return total / (trust * (in_place + in_motion)).sum(dim=1)


def add_in_mu_law(
    radiance: Float[Tensor, 'b 3 h w'], residual: Float[Tensor, 'b 3 h w'], mu: float = MU
) -> Float[Tensor, 'b 3 h w']:
    """T^-1(T(H) + residual), at least 0; written so that the logarithm cancels out."""
    return ((radiance + 1 / mu) * torch.exp(residual * math.log1p(mu)) - 1 / mu).clamp(min=0)


def _prior(ldr: Tensor, reference_index: int | None) -> Tensor:
    if reference_index is None:
        reference_index = median_index(ldr.shape[1])
    return static_weights(ldr, reference_index, _BRIGHT)
