# SPDX-License-Identifier: Apache-2.0
"""Motion encoder (Sec. 3.2.2)."""

from __future__ import annotations

import pytest
import torch

from ddfnet_ros.network.motion import FLOW_UNIT, MotionEncoder


def test_parameter_counts_are_those_of_section_3_2_2():
    counts = [sum(p.numel() for p in layer.parameters()) for layer in MotionEncoder().layers]
    assert counts == [1_216, 0, 36_928, 0, 36_928, 0]


def test_the_reference_has_no_motion_whatever_the_biases():
    encoder = MotionEncoder()
    motion = encoder(torch.randn(2, 2, 2, 5, 4))
    assert motion.shape == (2, 3, 64, 5, 4)
    assert not motion[:, 0].any()
    assert motion[:, 1:].any()


def test_one_pixel_by_hand():
    encoder = MotionEncoder()
    for layer in encoder.layers[::2]:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    with torch.no_grad():
        encoder.layers[0].weight[0, :, 1, 1] = torch.tensor([1.0, -2.0])  # x - 2 y
        encoder.layers[2].weight[1, 0, 1, 1] = 3
        encoder.layers[4].weight[2, 1, 1, 1] = 1
    flow = torch.tensor([8.0, -4.0]).reshape(1, 1, 2, 1, 1)
    assert encoder(flow)[0, 1, 2].item() == pytest.approx(3 * 16 / FLOW_UNIT)
    assert encoder(-flow)[0, 1, 2].item() == 0
