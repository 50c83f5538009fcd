# SPDX-License-Identifier: Apache-2.0
"""AHDRNet, a peer: attention to what agrees with the reference, no flow.

Yan, Gong, Shi, van den Hengel, Shen, Reid, Zhang: Attention-guided Network for Ghost-free High
Dynamic Range Imaging, CVPR 2019. Its parts are 64 channels, 3x3 kernels, three dilated residual
dense blocks and a global skip from the reference's features; the number of layers in a block and
the channels within the attention are our reading, so its 1.22 million parameters are fewer than
the 1.52 that others report.
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
        channels: Of all feature maps.
        frames: Exposures in a bracket; each but the reference has its own attention.
        layers: Of a dense block.
        growth: Channels that each of them adds.
    """

    channels: int = 64
    frames: int = 3
    layers: int = 6
    growth: int = 32


class AHDRNet(nn.Module):
    """Attention (Sec. 3.2) and merging (Sec. 3.3)."""

    multiple = 1
    """Height and width of the input may be any."""

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
            flow: Not used; taken so that all models are called alike.
            reference_index: Not used.

        Returns:
            Radiance in [0, 1] relative to the shortest exposure, on the reference's pixels.

        Raises:
            ValueError: another number of frames than in the config.
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
    """Dilated residual dense block (Fig. 4): each layer sees all before it; 1x1 fusion; residual.

    Args:
        channels: In and out.
        layers: 3x3 convolutions of dilation 2, with ReLU.
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
