# SPDX-License-Identifier: Apache-2.0
"""Decoder D: turns the fused features into an image (Sec. 3.2.5, Table 1)."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, PreciseConv2d, conv

LAYERS = 5
BLOCKS = 3
DILATION = 2
REACH = 2 + BLOCKS * (LAYERS * DILATION + 1) + 3
"""Radius of the receptive field [px]: head, dense blocks, tail."""
# Factors on He initialisation.
_INITIAL_OUTPUT_SCALE = 1e-4  # last layer: keeps first outputs within about 0.001 of the grey
_INITIAL_BLOCK_SCALE = 0.1  # residual branches of the dense blocks


class Decoder(nn.Module):
    """The layers of Table 1.

    Args:
        channels: Channels of the fused features; more than `width` only for the concatenation of
            Sec. 4.2.1 (a).
        dense_relu: Whether each layer of a dense block is followed by a ReLU.
        width: Channels of the decoder's own maps.
    """

    def __init__(
        self, channels: int = WIDTH, dense_relu: bool = True, width: int = WIDTH
    ) -> None:
        super().__init__()
        self.head = nn.Sequential(
            conv(channels, 2 * width), nn.ReLU(), conv(2 * width, width), nn.ReLU()
        )
        self.blocks = nn.ModuleList(DenseBlock(dense_relu, width) for _ in range(BLOCKS))
        self.tail = nn.Sequential(
            conv(BLOCKS * width, width), conv(width, width), PreciseConv2d(width, 3)
        )

    def forward(
        self, fused: Float[Tensor, 'b c h w'], start: Float[Tensor, 'b 3 h w'] | None = None
    ) -> Float[Tensor, 'b 3 h w']:
        """Decode f~ to three channels >= 0.

        Args:
            fused: Fused features f~ (Eq. 7).
            start: Image to add before the last ReLU; only the difference to it is decoded.
        """
        maps = self.head(fused)
        outputs = []
        for block in self.blocks:
            maps = block(maps)
            outputs.append(maps)
        # Paper: the tail has 192 input channels. Here: the three blocks' outputs, 3 * 64, as in
        # its references [16, 30] (doc/paper.md#table-1).
        decoded: Tensor = self.tail(torch.cat(outputs, dim=1))
        return (decoded if start is None else start + decoded).relu()

    def start_at(self, grey: float) -> None:
        """Initialise an untrained decoder to output nearly `grey`, so that no last ReLU is dead.

        Dense blocks begin nearly as identities. Otherwise, as nothing is normalised, maps would
        grow from block to block, and the first steps, which shrink them again, would kill most
        ReLUs of the head.
        """
        last: Any = self.tail[-1]
        with torch.no_grad():
            last.weight.mul_(_INITIAL_OUTPUT_SCALE)
            last.bias.fill_(grey)
            for block in self.blocks:
                block.get_submodule('fuse').get_parameter('weight').mul_(_INITIAL_BLOCK_SCALE)


class DenseBlock(nn.Module):
    """Residual dense block with dilated layers, and the convolution that Table 1 lists after it.

    Paper: no ReLU inside. Here: one after each layer by default, because without them all layers
    from the head to the last ReLU are one linear filter (doc/paper.md#table-1).
    """

    def __init__(self, relu: bool = True, width: int = WIDTH) -> None:
        super().__init__()
        self.relu = relu
        growth = width // 2
        self.layers = nn.ModuleList(
            conv(width + i * growth, growth, dilation=DILATION) for i in range(LAYERS)
        )
        self.fuse = conv(width + LAYERS * growth, width)

    def forward(self, x: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b c h w']:
        """Apply the layers; each sees the input and the outputs of all layers before it."""
        maps = x
        for layer in self.layers:
            grown = layer(maps)
            maps = torch.cat([maps, grown.relu() if self.relu else grown], dim=1)
        fused: Tensor = self.fuse(maps)
        return x + fused
