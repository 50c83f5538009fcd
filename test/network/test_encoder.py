# SPDX-License-Identifier: Apache-2.0
"""Encoder (Sec. 3.2.1)."""

from __future__ import annotations

import pytest
import torch

from ddfnet_ros.network.encoder import Encoder


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_are_those_of_section_3_2_1():
    assert [count(layer) for layer in Encoder().layers] == [3_520, 0, 36_928, 0]
    assert count(Encoder(gamma_corrected=False).layers[0]) == 1_792


@pytest.mark.parametrize('gamma_corrected', [True, False])
def test_each_frame_is_encoded_for_itself_and_alike(gamma_corrected):
    encoder = Encoder(gamma_corrected)
    stack = torch.rand(2, 3, 6, 5, 7)
    features = encoder(stack)
    assert features.shape == (2, 3, 64, 5, 7)
    torch.testing.assert_close(encoder(stack[1:, 2:]), features[1:, 2:])


def test_the_ldr_encoder_does_not_see_the_corrected_frames():
    stack = torch.rand(1, 2, 6, 4, 4)
    changed = stack.clone()
    changed[:, :, 3:] = 0
    encoder = Encoder(gamma_corrected=False)
    torch.testing.assert_close(encoder(stack), encoder(changed), rtol=0, atol=0)
    assert not torch.equal(Encoder()(stack), Encoder()(changed))


def test_one_pixel_by_hand():
    encoder = Encoder()
    for layer in (encoder.layers[0], encoder.layers[2]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    with torch.no_grad():
        encoder.layers[0].weight[5, :, 1, 1] = torch.tensor([1.0, 2, 3, 4, 5, 6])
        encoder.layers[2].weight[7, 5, 1, 2] = 0.5  # from the pixel to the right
        encoder.layers[2].bias[8] = -1
    stack = torch.zeros(1, 1, 6, 1, 2)
    stack[0, 0, :, 0, 1] = torch.tensor([0.1, 0.2, 0.3, 0.01, 0.02, 0.03])
    # 0.5 * (0.1 + 0.4 + 0.9 + 0.04 + 0.1 + 0.18) = 0.86; channel 8 is cut by the ReLU.
    features = encoder(stack)[0, 0, :, 0, 0]
    assert features[7].item() == pytest.approx(0.86)
    assert features[8].item() == 0
