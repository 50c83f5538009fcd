# SPDX-License-Identifier: Apache-2.0
"""DeepHDR, for comparison: an encoder per exposure, one merger, one decoder.

Wu, Xu, Tai, Tang: Deep High Dynamic Range Imaging with Large Foreground Motions, ECCV 2018. As we
read it: strided 5x5 convolutions down, nine residual blocks on the concatenated features,
transposed convolutions up, and skips from the encoders. We leave out batch normalisation, because
its statistics would not match the moving average of the weights that is shipped, and the
homography that aligns backgrounds beforehand, because no other network gets one.
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
_INITIAL_SCALE = 0.01  # factor on He initialisation; tanh must not start saturated


@dataclass(frozen=True)
class DeepHDRConfig:
    """Size of the network.

    Attributes:
        channels: Channels of the first level; each further level has twice as many.
        frames: Number of frames in a bracket; each has an encoder of its own.
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
            nn.Sequential(_upsampling_conv(inputs + frames * inputs, outputs), nn.ReLU())
            for inputs, outputs in pairwise(up))
        self.tail = PreciseConv2d(widths[0], 3)
        self.apply(initialise)
        with torch.no_grad():
            self.tail.weight.mul_(_INITIAL_SCALE)

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'] | None = None,
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long.
            flow: Not used; all models have the same signature.
            reference_index: Not used.

        Returns:
            Radiance in [0, 1] relative to the shortest exposure, aligned with the reference.

        Raises:
            ValueError: the number of frames differs from the config's.
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
        """Features of all frames, concatenated; one map per level, the finest first."""
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
    """Two 3x3 convolutions with a shortcut, and a ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(channels, channels), nn.ReLU(), conv(channels, channels))

    def forward(self, maps: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b c h w']:
        """Refine feature maps."""
        refined: Tensor = self.layers(maps)
        return (maps + refined).relu()


def _encoder(widths: Sequence[int]) -> nn.ModuleList:
    """Encoder of one frame; each level halves the size."""
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.LeakyReLU(0.2))
        for inputs, outputs in pairwise([6, *widths]))


def _upsampling_conv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1)
