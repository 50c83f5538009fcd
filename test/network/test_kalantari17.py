# SPDX-License-Identifier: Apache-2.0
"""Kalantari and Ramamoorthi 2017: flow aligns, a network weighs."""

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.flow.warp import warp
from ddfnet_ros.network.kalantari17 import Kalantari17, Kalantari17Config
from ddfnet_ros.training.loss import mu_law_l1


@pytest.fixture
def model():
    torch.manual_seed(1)
    return Kalantari17(Kalantari17Config(channels=(8, 8, 4)))


@pytest.fixture
def stack():
    return torch.rand((2, 3, 6, 17, 23), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def flow():
    return torch.rand((2, 2, 2, 17, 23), generator=torch.Generator().manual_seed(2)) * 6 - 3


def test_kernels_shrink_from_7_to_1_and_widths_are_100_100_50():
    layers = [x for x in Kalantari17().layers if isinstance(x, torch.nn.Conv2d)]
    assert [(x.kernel_size[0], x.in_channels, x.out_channels) for x in layers] == [
        (7, 18, 100), (5, 100, 100), (3, 100, 50), (1, 50, 9)]
    # 7*7*18*100 + 5*5*100*100 + 3*3*100*50 + 50*9, and biases
    assert sum(p.numel() for p in Kalantari17().parameters()) == 383_650 + 259


def test_the_result_lies_between_the_aligned_frames(model, stack, flow):
    """Weights can choose among the frames but not invent, which the paper prefers them for."""
    aligned = torch.cat([stack[:, :1], warp(stack[:, 1:], flow)], dim=1)[:, :, 3:]
    radiance = model(stack, flow, 1)
    assert (radiance >= aligned.amin(1) - 1e-6).all()
    assert (radiance <= aligned.amax(1) + 1e-6).all()
    assert radiance.shape == (2, 3, 17, 23)


def test_frames_are_aligned_before_they_are_seen(model, stack):
    """Frames that moved as the flow says give what frames that did not move give."""
    still = torch.zeros(2, 2, 2, 17, 23)
    shifted = still.clone()
    shifted[:, :, 0] = 2
    moved = stack.clone()
    moved[:, 1:] = stack[:, 1:].roll(2, dims=-1)
    inside = (..., slice(8, -10))
    torch.testing.assert_close(model(moved, shifted)[inside], model(stack, still)[inside])
    assert not torch.allclose(model(moved, still)[inside], model(stack, still)[inside])


def test_channels_are_weighed_apart(model, stack, flow):
    with torch.no_grad():
        model.layers[-2].bias.fill_(-50)
        model.layers[-2].bias[[3, 7, 2]] = 50  # red of frame 1, green of 2, blue of 0
        model.layers[-2].weight.zero_()
    aligned = torch.cat([stack[:, :1], warp(stack[:, 1:], flow)], dim=1)[:, :, 3:]
    wanted = torch.stack([aligned[:, 1, 0], aligned[:, 2, 1], aligned[:, 0, 2]], dim=1)
    torch.testing.assert_close(model(stack, flow), wanted)


def test_gradient_reaches_every_parameter(model, stack, flow):
    mu_law_l1(model(stack, flow), torch.rand(2, 3, 17, 23)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_another_number_of_frames_is_refused(model):
    with pytest.raises(ValueError, match='expected 3 frames, got 2'):
        model(torch.rand(1, 2, 6, 8, 8), torch.zeros(1, 1, 2, 8, 8))


def test_it_is_built_by_name(model):
    config = network.describe(model)
    assert config == {'architecture': 'kalantari17', 'channels': (8, 8, 4), 'frames': 3}
    assert network.build({**config, 'channels': [8, 8, 4]}).config == model.config
