# SPDX-License-Identifier: Apache-2.0
"""DeepHDR, a peer: an encoder per exposure, one merger, one decoder.

Wu, Xu, Tai, Tang: Deep High Dynamic Range Imaging with Large Foreground Motions, ECCV 2018. Our
reading of it: strided 5x5 convolutions down, nine residual blocks on the concatenated features,
transposed convolutions up, and skips from the encoders. Left out: batch normalisation, because the
shipped weights are a moving average, which batch statistics do not follow; and the homography that
aligns backgrounds beforehand, because no other network gets one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import PreciseConv2d, conv, initialise

_BLOCKS = 9  # residual blocks of the merger
_LEVELS = 3  # strided convolutions of an encoder
_FIRST_CONTRAST = 0.01  # of He initialisation; tanh must not start saturated


@dataclass(frozen=True)
class DeepHDRConfig:
    """Size of the network.

    Attributes:
        channels: Of the first level; each further one has twice as many.
        frames: Exposures in a bracket, with an encoder each.
    """

    channels: int = 64
    frames: int = 3


class DeepHDR(nn.Module):
    """Encoders, merger and decoder (Sec. 3.1)."""

    multiple = 2**_LEVELS
    """Height and width of the input must be multiples of this."""

    def __init__(self, config: DeepHDRConfig | None = None) -> None:
        super().__init__()
        self.config = config or DeepHDRConfig()
        frames = self.config.frames
        widths = [self.config.channels * 2**level for level in range(_LEVELS)]
        self.encoders = nn.ModuleList(_encoder(widths) for _ in range(frames))
        self.merger = nn.Sequential(
            conv(frames * widths[-1], widths[-1]), nn.ReLU(),
            *(ReluResidualBlock(widths[-1]) for _ in range(_BLOCKS)))
        up = [*widths[::-1], widths[0]]
        self.decoder = nn.ModuleList(
            nn.Sequential(_doubling(given + frames * given, wanted), nn.ReLU())
            for given, wanted in pairwise(up))
        self.tail = PreciseConv2d(widths[0], 3)
        self.apply(initialise)
        with torch.no_grad():
            self.tail.weight.mul_(_FIRST_CONTRAST)

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'] | None = None,
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long.
            flow: Not used; taken so that all models are called alike.
            reference_index: Not used.

        Returns:
            Radiance in [0, 1] relative to the shortest exposure, on the reference's pixels.

        Raises:
            ValueError: another number of frames than in the config.
        """
        if stack.shape[1] != self.config.frames:
            raise ValueError(f'expected {self.config.frames} frames, got {stack.shape[1]}; '
                             'DeepHDR has an encoder for each of them')
        levels = self._encode(stack)
        maps: Tensor = self.merger(levels[-1])
        for up, skip in zip(self.decoder, reversed(levels), strict=True):
            maps = up(torch.cat([maps, skip], dim=1))
        radiance: Tensor = (torch.tanh(self.tail(maps)) + 1) / 2
        return radiance

    def _encode(self, stack: Tensor) -> list[Tensor]:
        """Features of all frames side by side, from the finest level to the coarsest."""
        encoders: Any = self.encoders
        per_frame = []
        for encoder, maps in zip(encoders, stack.unbind(1), strict=True):
            levels = []
            for layer in encoder:
                maps = layer(maps)  # noqa: PLW2901  (the next level's input)
                levels.append(maps)
            per_frame.append(levels)
        return [torch.cat(level, dim=1) for level in zip(*per_frame, strict=True)]


class ReluResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(channels, channels), nn.ReLU(), conv(channels, channels))

    def forward(self, maps: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b c h w']:
        """Refine feature maps."""
        refined: Tensor = self.layers(maps)
        return (maps + refined).relu()


def _encoder(widths: Sequence[int]) -> nn.ModuleList:
    """A level halves the size."""
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(given, wanted, 5, stride=2, padding=2), nn.LeakyReLU(0.2))
        for given, wanted in pairwise([6, *widths]))


def _doubling(given: int, wanted: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(given, wanted, 5, stride=2, padding=2, output_padding=1)
