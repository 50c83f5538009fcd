# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from ddfnet_ros.flow.pwcnet import FLOW_UNIT
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.tonemap import mu_law
from ddfnet_ros.training.loss import (
    dead_relu_penalty,
    endpoint_error,
    logit_penalty,
    mu_law_l1,
    multiscale_endpoint_error,
    reference_hinge,
)

LEVELS = [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32)]


def flows(x: float, y: float) -> list[torch.Tensor]:
    vector = torch.tensor([float(x), float(y)]).reshape(1, 2, 1, 1)
    return [vector.expand(3, 2, *size).clone().requires_grad_() for size in LEVELS]


def test_one_pixel_of_eq_9():
    radiance, truth = torch.full((1, 3, 1, 1), 0.1), torch.full((1, 3, 1, 1), 0.2)
    expected = (math.log(1 + 5000 * 0.2) - math.log(1 + 5000 * 0.1)) / math.log(5001)
    assert mu_law_l1(radiance, truth).item() == pytest.approx(expected, rel=1e-4)
    assert mu_law_l1(radiance, truth, mu=10.0).item() == pytest.approx(
        math.log(3 / 2) / math.log(11), rel=1e-4)


@pytest.mark.parametrize(('fused', 'worse_by'), [(0.25, 0.0), (0.21, 0.0), (0.3, 0.05)])
def test_only_what_is_worse_than_the_reference_counts_as_such(fused, worse_by):
    """On the scale after the mu-law; the reference is off by 0.05, the fused picture by more."""
    def radiance(shown: float) -> torch.Tensor:
        return torch.full((1, 3, 2, 2), math.expm1(shown * math.log1p(5000)) / 5000)

    reference = torch.cat([torch.full((1, 3, 2, 2), 0.5), radiance(0.25)], dim=1)
    loss = reference_hinge(radiance(fused), radiance(0.2), reference)
    assert loss.item() == pytest.approx(worse_by, abs=1e-6)


def test_where_the_reference_is_clipped_nothing_is_worse():
    stack = input_stack(torch.tensor([0.5, 0.94, 0.96, 1.0]).reshape(1, 1, 1, 1, 4).expand(
        1, 2, 3, -1, -1), torch.ones(1, 2))
    right = stack[:, 0, 3:]
    loss = reference_hinge(right * 2, right, stack[:, 0])
    expected = (mu_law(right * 2) - mu_law(right))[..., :2].mean() / 2
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_only_logits_beyond_8_count():
    calm, wild = torch.tensor([[[[-8.0, 3.0]]]]), torch.tensor([[[[10.0, -11.0]]]])
    assert logit_penalty([calm]) == 0
    assert logit_penalty([calm, wild]) == (2**2 + 3**2) / 2 / 2


def test_only_channels_without_a_pixel_above_a_tenth_are_short_of_it():
    dead, weak, lively = torch.full((2, 3, 4), -2.0), torch.zeros(2, 3, 4), -torch.ones(2, 3, 4)
    weak[1, 2, 2], lively[0, 1, 3] = 0.04, 0.5
    maps = torch.stack([dead, weak, lively], dim=1)
    assert dead_relu_penalty([maps]).item() == pytest.approx((2.1 + 0.06) / 3)
    assert dead_relu_penalty([maps, maps[:, 2:]]).item() == pytest.approx((2.1 + 0.06) / 4)


def test_the_endpoint_error_is_a_distance():
    error = endpoint_error(torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))
    assert error.item() == pytest.approx(5)


def test_every_level_counts_with_its_published_weight():
    truth = torch.zeros(3, 2, 64, 128)
    for i, weight in enumerate([0.32, 0.08, 0.02, 0.01, 0.005]):
        levels = flows(0, 0)
        levels[i] = flows(3, 4)[i]
        pixels = math.prod(LEVELS[i])
        assert multiscale_endpoint_error(levels, truth).item() == pytest.approx(
            weight * 5 * pixels, rel=1e-3)


def test_the_truth_counts_in_units_of_the_network():
    truth = torch.tensor([3 * FLOW_UNIT, 4 * FLOW_UNIT]).reshape(1, 2, 1, 1).expand(3, 2, 64, 128)
    assert multiscale_endpoint_error(flows(3, 4), truth).item() == pytest.approx(0, abs=1e-3)


def test_a_right_flow_has_a_finite_gradient():
    levels = flows(0, 0)
    multiscale_endpoint_error(levels, torch.zeros(3, 2, 64, 128)).backward()
    assert all(torch.isfinite(level.grad).all() for level in levels)
