# SPDX-License-Identifier: Apache-2.0
"""Yan et al. 2019: attention leaves out what does not agree with the reference."""

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig, DilatedDenseBlock
from ddfnet_ros.training.loss import mu_law_l1

SMALL = AHDRNetConfig(channels=8, layers=2, growth=4)


@pytest.fixture
def model():
    torch.manual_seed(1)
    return AHDRNet(SMALL)


@pytest.fixture
def stack():
    return torch.rand((2, 3, 6, 13, 17), generator=torch.Generator().manual_seed(1))


def test_radiance_has_the_size_of_the_frames_and_is_in_0_to_1(model, stack):
    radiance = model(stack, torch.zeros(2, 2, 2, 13, 17), 1)
    assert radiance.shape == (2, 3, 13, 17)
    assert 0 <= radiance.min() < radiance.max() <= 1


def test_parameters_of_the_full_size():
    assert sum(p.numel() for p in AHDRNet().parameters()) == 1_219_971


def test_gradient_reaches_every_parameter(model, stack):
    mu_law_l1(model(stack), torch.rand(2, 3, 13, 17)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_zero_attention_leaves_the_other_frames_out_and_keeps_the_reference(model, stack):
    for attend in model.attention:
        torch.nn.init.zeros_(attend[2].weight)
        torch.nn.init.constant_(attend[2].bias, -1e4)
    other = stack.clone()
    other[:, 1:] = torch.rand_like(other[:, 1:])
    assert torch.equal(model(stack), model(other))
    other[:, 0] = 0
    assert not torch.equal(model(stack), model(other))


def test_the_reference_goes_around_the_merging(model, stack):
    for layer in model.gather:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    alone = torch.sigmoid(model.tail(model.encoder(stack[:, 0])))
    torch.testing.assert_close(model(stack), alone)


def test_each_frame_has_an_attention_of_its_own(model, stack):
    swapped = stack[:, [0, 2, 1]]
    assert not torch.allclose(model(stack), model(swapped))


def test_a_dense_block_is_residual():
    block = DilatedDenseBlock(8, 2, 4)
    torch.nn.init.zeros_(block.fuse.weight)
    torch.nn.init.zeros_(block.fuse.bias)
    maps = torch.rand(1, 8, 9, 9)
    assert torch.equal(block(maps), maps)


def test_another_number_of_frames_is_refused(model):
    with pytest.raises(ValueError, match='expected 3 frames, got 4'):
        model(torch.rand(1, 4, 6, 8, 8))


def test_it_is_built_by_name(model):
    config = network.describe(model)
    assert config == {
        'architecture': 'ahdrnet', 'channels': 8, 'frames': 3, 'layers': 2, 'growth': 4}
    assert network.build(config).config == model.config
