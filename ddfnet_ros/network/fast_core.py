# SPDX-License-Identifier: Apache-2.0
"""The convolutions of the small network; they work on cells of 4x4 pixels (configurable).

Frames are a list of any number of (b, c, h, w) maps, the reference first. They are processed one
by one, so that what they share is computed once and nothing is copied for a concatenation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.kernels.cells import CELL
from ddfnet_ros.tonemap import mu_law

_DILATIONS = (1, 2, 4, 2)  # of the residual blocks, repeated
_TINY = 1e-12  # keeps the argument of a square root above zero, where it has no gradient

FLOW_UNIT = 16.0
"""Flow of 1 at the network's input [px]."""

MOST = 30.0
"""Logits are clamped to +-MOST, whose exponential is safe in float32."""


@dataclass(frozen=True)
class FastConfig:
    """Size of the network.

    Attributes:
        channels: Channels of each frame's feature maps.
        context: Channels of the context maps, at half the resolution of the cells.
        blocks: Number of residual blocks of the context.
        cell: Side of the cells [px].
        moved: Whether each frame is blended both in place and warped; else in place twice.
        residual: Whether a small, bounded residual is added to the blended frames.
        refined: Whether the logits are refined at full resolution.
    """

    channels: int = 32
    context: int = 48
    blocks: int = 4
    cell: int = CELL
    moved: bool = True
    residual: bool = False
    refined: bool = False

    @property
    def reach(self) -> int:
        """Radius of the convolutions' receptive field [px]."""
        blocks = sum(1 + _dilation(i) for i in range(self.blocks))  # in cells of the context
        return self.cell * (2 * blocks + 8) + (2 if self.refined else 0)


class FastCore(nn.Module):
    """Attention over the frames at a quarter of their resolution (Sec. 3.2, made small)."""

    def __init__(self, config: FastConfig) -> None:
        super().__init__()
        c, pixels = config.channels, config.cell**2
        self.encoder = nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.ReLU())
        self.motion = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, c, 1))
        self.correlation = Mix(c, (c,), c)
        self.attention_mix = Mix(c, (c, c), c)
        self.attention = nn.Conv2d(c, c, 1)
        self.context = Context(c, config.context, config.blocks)
        self.frame_mix = Mix(c, (c, c), c)
        self.frame_head = _head(c, 2 * pixels)
        self.residual_head = _head(c, 3 * pixels) if config.residual else None

    def forward(
        self, frames: list[Float[Tensor, 'b c i j']], flow: list[Float[Tensor, 'b 3 i j']]
    ) -> list[Float[Tensor, 'b d i j']]:
        """Predict how much to take of each frame.

        Args:
            frames: Features of each frame's cells.
            flow: Motion to each frame but the reference, from `summarise`.

        Returns:
            Per frame, logits for all pixels of each cell: first in place, then warped. If there is
            a residual, its unbounded values for all pixels of each cell are appended.
        """
        features = [self.encoder(frame) for frame in frames]
        attended = self._attend(features, flow)
        context = self.context(_weighted_mean(features, attended))
        mixed = self.frame_mix(context, zip(attended, features, strict=True))
        logits = [self.frame_head(x) for x in mixed]
        return logits if self.residual_head is None else [*logits, self.residual_head(context)]

    def _attend(self, features: list[Tensor], flow: list[Tensor]) -> list[Tensor]:
        """Unnormalised w_i from f_1, v_i and c_i (Eq. 5); the reference's motion is zero."""
        motion = [self.motion(v) for v in (torch.zeros_like(flow[0]), *flow)]
        correlation = self.correlation(features[0], ((f,) for f in features))
        mixed = self.attention_mix(features[0], zip(motion, correlation, strict=True))
        return [self.attention(x) for x in mixed]


class Mix(nn.Module):
    """1x1 convolution over [shared, *own] maps, and ReLU; the shared part is computed once."""

    def __init__(self, shared: int, own: tuple[int, ...], kernels: int) -> None:
        super().__init__()
        self.shared = nn.Conv2d(shared, kernels, 1)
        self.own = nn.ModuleList(nn.Conv2d(width, kernels, 1, bias=False) for width in own)

    def forward(self, shared: Tensor, own: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
        """One output map for each tuple of own maps."""
        once = self.shared(shared)
        return [F.relu(self._add(once, maps)) for maps in own]

    def _add(self, total: Tensor, maps: tuple[Tensor, ...]) -> Tensor:
        for layer, x in zip(self.own, maps, strict=True):
            total = total + layer(x)
        return total


class Context(nn.Module):
    """Residual blocks at half the resolution: a wide receptive field at a quarter of the cost."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(
            *(DilatedResidualBlock(width, _dilation(i)) for i in range(blocks)))
        self.up = nn.Conv2d(width, channels, 1)

    def forward(self, x: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b c h w']:
        """Add context to feature maps of even height and width."""
        context = self.up(self.blocks(F.relu(self.down(x))))
        # No ReLU after the sum: it could die, with all inputs negative, and never learn again.
        return x + F.interpolate(context, scale_factor=2, mode='bilinear')


class DilatedResidualBlock(nn.Module):
    """Two convolutions, the first dilated, with a shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine feature maps; the shape stays."""
        return x + self.layers(x)


class Refinement(nn.Module):
    """Refines a frame's logits at full resolution from its pixels; untrained, it changes none."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(5, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1))
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, logits: Float[Tensor, 'b 2 h w'], corrected: Float[Tensor, 'b 3 h w']
    ) -> Float[Tensor, 'b 2 h w']:
        """Refined logits, from the logits and the frame's P_i."""
        change: Tensor = self.layers(torch.cat([logits, mu_law(corrected)], dim=1))
        return logits + change.float()


def _dilation(block: int) -> int:
    return _DILATIONS[block % len(_DILATIONS)]


def summarise(flow: Float[Tensor, 'b 2 h w'], side: int = CELL) -> Float[Tensor, 'b 3 i j']:
    """Mean flow of each cell, and its length, in units of FLOW_UNIT."""
    cell = F.avg_pool2d(flow, side) / FLOW_UNIT
    # Not torch's norm, which takes fifty times as long over two channels.
    length = (cell.square().sum(dim=1, keepdim=True) + _TINY).sqrt()
    return torch.cat([cell, length], dim=1)


def clamped_exp(logits: Tensor) -> Tensor:
    """Exponential of the clamped logits, which neither overflows nor vanishes."""
    return logits.clamp(-MOST, MOST).exp_()


def _weighted_mean(features: list[Tensor], attended: list[Tensor]) -> Tensor:
    """Sum of softmax(w_i) f_i over the frames (Eq. 6, 7)."""
    weights = [clamped_exp(w) for w in attended]
    total = reduce(torch.add, map(torch.mul, weights, features))
    return total / reduce(torch.add, weights)


def _head(channels: int, kernels: int) -> nn.Sequential:
    """Output layers, initialised to zero: the untrained network is the static merge."""
    layers = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
                           nn.Conv2d(channels, kernels, 1))
    for parameter in layers[-1].parameters():
        nn.init.zeros_(parameter)
    return layers
