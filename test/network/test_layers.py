# SPDX-License-Identifier: Apache-2.0
"""The building blocks."""

from __future__ import annotations

import torch
from torch import nn

from ddfnet_ros.network.layers import PreciseConv2d, SharedConv2d, initialise, per_frame


def test_layers_see_each_frame_alone():
    frames = torch.rand(2, 3, 2, 4, 5)
    layer = nn.Conv2d(2, 6, 1)
    maps = per_frame(layer, frames)
    assert maps.shape == (2, 3, 6, 4, 5)
    torch.testing.assert_close(maps[1, 2], layer(frames[1, 2]))


def test_a_shared_convolution_equals_that_of_the_concatenation():
    layer = SharedConv2d(3, 4, 5)
    shared, own = torch.rand(2, 3, 6, 7), torch.rand(2, 3, 4, 6, 7)
    joined = torch.cat([shared[:, None].expand(-1, 3, -1, -1, -1), own], dim=2)
    torch.testing.assert_close(layer(shared, own), per_frame(layer.conv, joined))


def test_pixels_are_made_in_full_precision_under_autocast():
    layer = PreciseConv2d(4, 3)
    maps = torch.rand(1, 4, 5, 5)
    with torch.autocast('cpu', torch.bfloat16):
        pixels = layer(maps)
    assert pixels.dtype == torch.float32
    torch.testing.assert_close(pixels, layer(maps))


def test_initialisation_keeps_the_variance_through_relu():
    torch.manual_seed(0)
    layers = nn.Sequential(*(
        layer for _ in range(6) for layer in (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())))
    layers.apply(initialise)
    maps = torch.rand(1, 64, 16, 16)
    ratio = layers(maps)[..., 6:-6, 6:-6].square().mean() / maps.square().mean()
    assert 0.3 < ratio < 3
