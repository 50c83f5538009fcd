# SPDX-License-Identifier: Apache-2.0
"""AHDRNet, for comparison: attention to what agrees with the reference, without flow.

Yan, Gong, Shi, van den Hengel, Shen, Reid, Zhang: Attention-guided Network for Ghost-free High
Dynamic Range Imaging, CVPR 2019. It has 64 channels, 3x3 kernels, three dilated residual dense
blocks and a global skip from the reference's features. The number of layers in a block and the
channels within the attention are our reading; this gives 1.22 million parameters, where others
report 1.52.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import PreciseConv2d, conv, initialise, per_frame


@dataclass(frozen=True)
class AHDRNetConfig:
    """Size of the network.

    Attributes:
        channels: Channels of all feature maps.
        frames: Number of frames in a bracket; each but the reference has its own attention.
        layers: Layers of a dense block.
        growth: Channels that each of these layers adds.
    """

    channels: int = 64
    frames: int = 3
    layers: int = 6
    growth: int = 32


class AHDRNet(nn.Module):
    """Attention (Sec. 3.2) and merging (Sec. 3.3)."""

    multiple = 1
    """Height and width of the input are arbitrary."""

    def __init__(self, config: AHDRNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or AHDRNetConfig()
        c, frames = self.config.channels, self.config.frames
        self.encoder = nn.Sequential(conv(6, c), nn.LeakyReLU(0.2))
        self.attention = nn.ModuleList(
            nn.Sequential(conv(2 * c, c), nn.LeakyReLU(0.2), conv(c, c), nn.Sigmoid())
            for _ in range(frames - 1))
        self.head = conv(frames * c, c)
        self.blocks = nn.ModuleList(
            DilatedDenseBlock(c, self.config.layers, self.config.growth) for _ in range(3))
        self.gather = nn.Sequential(nn.Conv2d(3 * c, c, 1), conv(c, c))
        self.tail = nn.Sequential(conv(c, c), nn.LeakyReLU(0.2), PreciseConv2d(c, 3))
        self.apply(initialise)

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
                             'AHDRNet is trained for one number of them')
        features = per_frame(self.encoder, stack)                          # Z_i
        reference = features[:, 0]
        attended = [reference] + [
            attend(torch.cat([own, reference], dim=1)) * own               # Eq. 2-3
            for attend, own in zip(self.attention, features[:, 1:].unbind(1), strict=True)]
        maps = self.head(torch.cat(attended, dim=1))                       # F_0
        outputs = []
        for block in self.blocks:
            maps = block(maps)
            outputs.append(maps)
        merged = self.gather(torch.cat(outputs, dim=1)) + reference        # global residual
        radiance: Tensor = torch.sigmoid(self.tail(merged))
        return radiance


class DilatedDenseBlock(nn.Module):
    """Dilated residual dense block (Fig. 4): densely connected layers, 1x1 fusion, shortcut.

    Args:
        channels: Input and output channels.
        layers: Number of 3x3 convolutions of dilation 2, with ReLU.
        growth: Channels that each of them adds.
    """

    def __init__(self, channels: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            conv(channels + i * growth, growth, dilation=2) for i in range(layers))
        self.fuse = nn.Conv2d(channels + layers * growth, channels, 1)

    def forward(self, maps: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b c h w']:
        """Refine feature maps."""
        grown = maps
        for layer in self.layers:
            grown = torch.cat([grown, layer(grown).relu()], dim=1)
        fused: Tensor = self.fuse(grown)
        return maps + fused
