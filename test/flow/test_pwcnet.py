# SPDX-License-Identifier: Apache-2.0
"""PWC-DC-Net."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ddfnet_ros import network
from ddfnet_ros.flow import pwcnet
from ddfnet_ros.flow.pwcnet import FLOW_UNIT, PWCNet, PWCNetConfig, _warp_features


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope='module')
def untrained() -> PWCNet:
    torch.manual_seed(0)
    return PWCNet().eval()


def test_it_has_the_published_number_of_parameters(untrained):
    assert count(untrained) == 9_374_340


def test_each_level_sees_costs_features_and_what_the_coarser_one_raised(untrained):
    channels = {name: level.dense[0][0].in_channels for name, level in untrained.levels.items()}
    assert channels == {'6': 81, '5': 81 + 128 + 4, '4': 81 + 96 + 4, '3': 81 + 64 + 4,
                        '2': 81 + 32 + 4}


@pytest.mark.parametrize('size', [(1, 1), (64, 64), (65, 130)])
def test_flow_has_the_size_of_the_images(untrained, size):
    with torch.no_grad():
        flow = untrained.flow(*torch.rand(2, 1, 3, *size))
    assert flow.shape == (1, 2, *size)
    assert torch.isfinite(flow).all()


def test_flows_halve_from_level_to_level(untrained):
    with torch.no_grad():
        flows = untrained.flows(*torch.rand(2, 2, 3, 64, 128))
    assert [tuple(f.shape) for f in flows] == [
        (2, 2, 1, 2), (2, 2, 2, 4), (2, 2, 4, 8), (2, 2, 8, 16), (2, 2, 16, 32)]


def test_the_finest_flow_is_scaled_to_full_resolution_pixels():
    network_ = PWCNet()
    nn.init.zeros_(network_.context[-1].weight)
    nn.init.zeros_(network_.levels['2'].flow.weight)
    with torch.no_grad():
        network_.levels['2'].flow.bias.copy_(torch.tensor([0.25, -0.5]))
        flow = network_.flow(*torch.rand(2, 1, 3, 50, 70))
    expected = torch.tensor([0.25, -0.5])[None, :, None, None] * FLOW_UNIT
    torch.testing.assert_close(flow, expected.expand(1, 2, 50, 70))


def test_features_are_moved_by_the_coarser_flow_in_pixels_of_their_level(monkeypatch):
    network_ = PWCNet()
    for level in network_.levels.values():
        nn.init.zeros_(level.raise_flow.weight)
        nn.init.constant_(level.raise_flow.bias, 8 / FLOW_UNIT)  # 8 px at full resolution
    by = []
    monkeypatch.setattr(pwcnet, '_warp_features',
                        lambda f, flow: by.append(flow.unique().tolist()) or f)
    with torch.no_grad():
        network_.flows(*torch.rand(2, 1, 3, 64, 64))
    assert by == [[8 / 32], [8 / 16], [8 / 8], [8 / 4]]


def test_the_provider_gives_flow_to_each_other_frame(untrained):
    stack = torch.rand(2, 3, 6, 30, 40)
    with torch.no_grad():
        flow = untrained(stack)
        alone = untrained(stack[1:, [0, 2]])
    assert flow.shape == (2, 2, 2, 30, 40)
    torch.testing.assert_close(flow[1:, 1:], alone, rtol=1e-3, atol=1e-2)


def test_features_from_outside_of_the_image_are_zero():
    features = torch.ones(1, 2, 3, 5)
    flow = torch.zeros(1, 2, 3, 5)
    flow[0, 0] = 1.5
    moved = _warp_features(features, flow)
    assert (moved[..., :3] == 1).all()
    assert (moved[..., 3:] == 0).all()


def test_the_gradient_reaches_every_parameter_in_use():
    trained = PWCNet()
    sum(flow.square().mean() for flow in trained.flows(*torch.rand(2, 1, 3, 64, 64))).backward()
    without = [n for n, p in trained.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == ['levels.2.raise_flow.weight', 'levels.2.raise_flow.bias']


@pytest.mark.parametrize('normalised', [False, True])
def test_a_few_steps_teach_it_the_flow_of_one_pair(normalised):
    torch.manual_seed(0)
    trained = PWCNet(PWCNetConfig(normalised=normalised))
    scene = torch.rand(1, 3, 24, 24).repeat_interleave(4, 2).repeat_interleave(4, 3)
    reference, other = scene[..., 8:72, 12:76], scene[..., 8:72, 8:72]  # the other is 4 px right
    target = torch.tensor([4.0, 0.0])[None, :, None, None] / FLOW_UNIT
    optimiser = torch.optim.Adam(trained.parameters(), 1e-4)
    errors = []
    for _ in range(12):
        loss = sum((f - target).abs().mean() for f in trained.flows(reference, other))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.item())
    assert errors[-1] < 0.5 * errors[0]


@torch.inference_mode()
def test_normalised_features_cannot_vanish():
    torch.manual_seed(0)
    seeing = PWCNet(PWCNetConfig(normalised=True))
    images = torch.rand(2, 1, 3, 128, 128)
    before = seeing._feature_pyramids(*images)
    for parameter in seeing.pyramid[0][2].parameters():
        parameter.mul_(0.1)
    after = seeing._feature_pyramids(*images)
    torch.testing.assert_close(after, before, rtol=0.01, atol=0.01)
    for ours, theirs in list(zip(*after, strict=True))[1:]:
        both = torch.stack([ours, theirs])
        assert both.mean(dim=(0, 1, 3, 4)).abs().max() < 1e-4
        torch.testing.assert_close(both.std(dim=(0, 1, 3, 4)), torch.ones(both.shape[2]),
                                   rtol=0.01, atol=0)


@torch.inference_mode()
def test_at_first_it_sees_no_motion(untrained):
    assert untrained.flow(*torch.rand(2, 1, 3, 64, 64)).abs().max() < 1


def test_the_registry_builds_what_it_describes(untrained):
    built = network.build(network.describe(untrained))
    assert built.config == PWCNetConfig()
