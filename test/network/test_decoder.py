# SPDX-License-Identifier: Apache-2.0
"""Decoder (Sec. 3.2.5, Table 1)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ddfnet_ros.network.decoder import Decoder, DenseBlock
from ddfnet_ros.network.layers import initialise

# Table 1: block, dilation, input and output channels of every row, all 3x3.
DENSE = [(2, 64, 32), (2, 96, 32), (2, 128, 32), (2, 160, 32), (2, 192, 32), (1, 224, 64)]
TABLE_1 = [
    (1, 64, 128), (1, 128, 64),
    *DENSE, *DENSE, *DENSE,
    (1, 192, 64), (1, 64, 64), (1, 64, 3),
]


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize('row', range(len(TABLE_1)))
def test_each_row_of_table_1_has_its_layer(row):
    dilation, channels, kernels = TABLE_1[row]
    layer = convolutions(Decoder())[row]
    assert sum(p.numel() for p in layer.parameters()) == 9 * channels * kernels + kernels
    assert layer.weight.shape == (kernels, channels, 3, 3)
    assert layer.dilation == layer.padding == (dilation, dilation)
    assert layer.stride == (1, 1)


def test_table_1_has_no_more_parameters():
    assert len(convolutions(Decoder())) == len(TABLE_1)
    assert sum(p.numel() for p in Decoder().parameters()) == 1_237_667


@pytest.mark.parametrize('size', [(1, 1), (5, 8)])
def test_the_size_is_kept_and_the_output_is_not_negative(size):
    decoder = Decoder()
    image = decoder(torch.randn(2, 64, *size))
    assert image.shape == (2, 3, *size)
    assert (image >= 0).all()


def test_a_dense_block_feeds_every_layer_with_all_before_it():
    block = DenseBlock()
    x = torch.rand(1, 64, 6, 6)
    maps = [x]
    for layer in block.layers:
        maps.append(torch.relu(layer(torch.cat(maps, dim=1))))
    torch.testing.assert_close(block(x), x + block.fuse(torch.cat(maps, dim=1)))


def test_a_literal_dense_block_is_linear():
    block = DenseBlock(relu=False)
    for layer in convolutions(block):
        nn.init.zeros_(layer.bias)
    x = torch.randn(1, 64, 6, 6)
    torch.testing.assert_close(block(-2 * x), -2 * block(x), rtol=1e-4, atol=1e-4)
    curved = DenseBlock()
    curved.load_state_dict(block.state_dict())
    assert not torch.allclose(curved(-2 * x), -2 * curved(x), rtol=1e-2, atol=1e-2)


def test_the_tail_takes_the_three_blocks_in_order():
    decoder = Decoder()
    fused = torch.rand(1, 64, 4, 4)
    first = decoder.blocks[0](decoder.head(fused))
    second = decoder.blocks[1](first)
    third = decoder.blocks[2](second)
    expected = decoder.tail(torch.cat([first, second, third], dim=1)).relu()
    torch.testing.assert_close(decoder(fused), expected)


def test_an_untrained_decoder_starts_at_the_grey_asked_for():
    torch.manual_seed(0)
    decoder = Decoder().apply(initialise)
    decoder.start_at(0.5)
    image = decoder(torch.rand(1, 64, 8, 8))
    assert (image - 0.5).abs().max() < 0.01
    assert image.std() > 1e-5  # or no gradient would come through


def test_an_untrained_decoder_does_not_grow_from_block_to_block():
    torch.manual_seed(0)
    decoder = Decoder().apply(initialise)
    decoder.start_at(0.5)
    maps = decoder.head(torch.rand(1, 64, 8, 8))
    first = maps.square().mean()
    for block in decoder.blocks:
        maps = block(maps)
    assert maps.square().mean() < 1.5 * first
