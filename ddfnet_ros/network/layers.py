# SPDX-License-Identifier: Apache-2.0
"""Convolutions of the networks, and how they are applied to the frames of a bracket."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 64
"""Kernels of every layer outside the decoder, hence channels of f_i, v_i, c_i and w_i."""


def conv(channels: int, kernels: int, dilation: int = 1) -> nn.Conv2d:
    """3x3 convolution with stride 1 that keeps the size, as all in the paper (Sec. 3.3)."""
    return nn.Conv2d(channels, kernels, 3, padding=dilation, dilation=dilation)


def per_frame(
    layers: Callable[[Tensor], Tensor], frames: Float[Tensor, 'b n c h w']
) -> Float[Tensor, 'b n d h w']:
    """Apply layers to every frame independently, with the same weights."""
    maps = layers(frames.flatten(0, 1))
    return maps.reshape(*frames.shape[:2], *maps.shape[1:])


class SharedConv2d(nn.Module):
    """3x3 convolution over [shared, own] channels; the shared ones are the same for all frames.

    Result and weights are those of a convolution of the concatenation, but the shared part is
    convolved once per bracket instead of once per frame, and nothing is copied.
    """

    def __init__(self, shared: int, own: int, kernels: int) -> None:
        super().__init__()
        self.shared = shared
        self.conv = conv(shared + own, kernels)

    def forward(
        self, shared: Float[Tensor, 'b s h w'], own: Float[Tensor, 'b n o h w']
    ) -> Float[Tensor, 'b n k h w']:
        """Convolve each frame's own channels together with the shared ones."""
        weight, bias = self.conv.weight, self.conv.bias
        once = functional.conv2d(shared, weight[:, :self.shared], bias, padding=1)
        each = per_frame(
            lambda maps: functional.conv2d(maps, weight[:, self.shared:], padding=1), own)
        return once[:, None] + each


class PreciseConv2d(nn.Conv2d):
    """3x3 convolution in float32, even if the other layers run in half precision.

    For the layer that outputs pixels: bfloat16's 8 bits would show as bands in a clear sky.
    """

    def __init__(self, channels: int, kernels: int) -> None:
        super().__init__(channels, kernels, 3, padding=1)

    def forward(self, maps: Float[Tensor, 'b c h w']) -> Float[Tensor, 'b k h w']:
        """Convolve in float32."""
        bias = None if self.bias is None else self.bias.float()
        with torch.autocast(maps.device.type, enabled=False):
            return functional.conv2d(maps.float(), self.weight.float(), bias, padding=1)


def initialise(module: nn.Module) -> None:
    """He initialisation for ReLU networks, with zero biases; use with `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
