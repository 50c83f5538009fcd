# SPDX-License-Identifier: Apache-2.0
"""Wu et al. 2018: an encoder for each exposure, one image out of all."""

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.network.deephdr import DeepHDR, DeepHDRConfig
from ddfnet_ros.training.loss import mu_law_l1


@pytest.fixture
def model():
    torch.manual_seed(1)
    return DeepHDR(DeepHDRConfig(channels=4))


@pytest.fixture
def stack():
    return torch.rand((2, 3, 6, 16, 24), generator=torch.Generator().manual_seed(1))


def test_radiance_has_the_size_of_the_frames_and_is_in_0_to_1(model, stack):
    radiance = model(stack, torch.zeros(2, 2, 2, 16, 24), 1)
    assert radiance.shape == (2, 3, 16, 24)
    assert 0 <= radiance.min() < radiance.max() <= 1


def test_parameters_of_the_full_size():
    assert sum(p.numel() for p in DeepHDR().parameters()) == 20_000_899


def test_gradient_reaches_every_parameter(model, stack):
    mu_law_l1(model(stack), torch.rand(2, 3, 16, 24)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_encoders_are_not_shared(model, stack):
    assert not torch.allclose(model(stack), model(stack[:, [0, 2, 1]]))


def test_context_is_wide_enough_for_large_motion(model):
    """A pixel sees the whole of a picture of 64 pixels: what makes foreground motion possible."""
    stack = torch.rand((1, 3, 6, 64, 64), requires_grad=True)
    model(stack)[0, :, 32, 32].sum().backward()
    seen = stack.grad.abs().sum(dim=(0, 1, 2)) > 0
    assert seen[0, 0]
    assert seen.float().mean() > 0.95


def test_an_untrained_model_is_grey(model, stack):
    assert (model(stack) - 0.5).abs().max() < 0.2


def test_another_number_of_frames_is_refused(model):
    with pytest.raises(ValueError, match='expected 3 frames, got 2'):
        model(torch.rand(1, 2, 6, 8, 8))


def test_it_is_built_by_name(model):
    config = network.describe(model)
    assert config == {'architecture': 'deephdr', 'channels': 4, 'frames': 3}
    assert network.build(config).config == model.config
