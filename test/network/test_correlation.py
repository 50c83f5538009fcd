# SPDX-License-Identifier: Apache-2.0
"""Correlation estimation module (Sec. 3.2.3)."""

from __future__ import annotations

import pytest
import torch

from ddfnet_ros.network.correlation import Correlation


def test_the_parameter_count_is_that_of_section_3_2_3():
    assert sum(p.numel() for p in Correlation().parameters()) == 73_792


def test_the_reference_is_correlated_with_itself_too():
    module = Correlation()
    features = torch.rand(2, 3, 64, 5, 4)
    correlation = module(features)
    assert correlation.shape == features.shape
    identical = torch.cat([features[:, 0], features[:, 0]], dim=1)
    torch.testing.assert_close(correlation[:, 0], module.layer.conv(identical).relu())
    pair = torch.cat([features[:, 0], features[:, 2]], dim=1)
    torch.testing.assert_close(correlation[:, 2], module.layer.conv(pair).relu())


def test_one_pixel_by_hand():
    module = Correlation()
    torch.nn.init.zeros_(module.layer.conv.weight)
    torch.nn.init.zeros_(module.layer.conv.bias)
    with torch.no_grad():
        module.layer.conv.weight[0, 0, 1, 1] = -1  # of the reference
        module.layer.conv.weight[0, 64, 1, 1] = 2  # of the frame
    features = torch.zeros(1, 2, 64, 1, 1)
    features[0, 0, 0], features[0, 1, 0] = 0.5, 0.75
    assert module(features)[0, :, 0].flatten().tolist() == pytest.approx([0.5, 1.0])
