# SPDX-License-Identifier: Apache-2.0
"""Fusion module (Sec. 3.2.4, Eq. 5-7)."""

from __future__ import annotations

import math

import pytest
import torch

from ddfnet_ros.network import fusion


def pixel(*frames: float) -> torch.Tensor:
    """One channel of one pixel in each frame."""
    return torch.tensor(frames).reshape(1, -1, 1, 1, 1)


def test_parameter_counts_are_those_of_our_reading():
    predictor = fusion.WeightPredictor()
    entry, *blocks = (predictor.entry, *predictor.blocks)
    assert sum(p.numel() for p in entry.parameters()) == 110_656
    assert [sum(p.numel() for p in b.parameters()) for b in blocks] == [73_856, 73_856]


def test_eq_5_predicts_each_frame_from_the_reference_and_its_own_clues():
    predictor = fusion.WeightPredictor()
    reference, clues = torch.rand(2, 64, 4, 5), torch.rand(2, 3, 128, 4, 5)
    predicted = predictor(reference, clues)
    assert predicted.shape == (2, 3, 64, 4, 5)
    joined = torch.cat([reference, clues[:, 2]], dim=1)
    alone = predictor.blocks(predictor.entry.conv(joined).relu())
    torch.testing.assert_close(predicted[:, 2], alone)


def test_eq_5_one_pixel_by_hand():
    predictor = fusion.WeightPredictor()
    for layer in predictor.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    first = predictor.blocks[0].layers
    with torch.no_grad():
        for channel, weight in ((0, 1.0), (64, 2.0), (128, 3.0)):  # f_1, v_i, c_i
            predictor.entry.conv.weight[0, channel, 1, 1] = weight
        first[0].weight[0, 0, 1, 1] = 2
        first[2].weight[0, 0, 1, 1] = -1
    reference, clues = torch.zeros(1, 64, 1, 1), torch.zeros(1, 1, 128, 1, 1)
    reference[0, 0], clues[0, 0, 0], clues[0, 0, 64] = 0.1, 0.2, 0.3
    # Entered: 0.1 + 2 * 0.2 + 3 * 0.3 = 1.4; first block: 1.4 - 2 * 1.4; second: + 0.
    assert predictor(reference, clues)[0, 0, 0].item() == pytest.approx(-1.4)


def test_eq_6_softmax_by_hand():
    weights = fusion.softmax_weights(pixel(0.0, math.log(3.0), math.log(4.0)))
    torch.testing.assert_close(weights, pixel(1 / 8, 3 / 8, 4 / 8))


def test_eq_6_ratio_by_hand():
    torch.testing.assert_close(fusion.ratio_weights(pixel(1.0, 3.0, 0.0)), pixel(0.25, 0.75, 0.0))
    torch.testing.assert_close(fusion.ratio_weights(pixel(-2.0, -1.0)), pixel(0.5, 0.5))


@pytest.mark.parametrize('normalise', fusion.NORMALISATIONS.values())
@pytest.mark.parametrize('frames', [2, 5, 9])
def test_eq_6_weights_are_positive_and_sum_to_one_over_the_frames(normalise, frames):
    weights = normalise(torch.randn(2, frames, 64, 3, 3) * 10)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 64, 3, 3))


def test_eq_7_by_hand():
    fused = fusion.weighted_sum(pixel(0.2, 0.3, 0.5), pixel(1.0, 2.0, 4.0))
    assert fused.item() == pytest.approx(0.2 + 0.6 + 2.0)


def test_pooling_by_hand():
    features = pixel(1.0, 5.0, 3.0)
    assert fusion.max_pool(features).item() == 5
    assert fusion.mean_pool(features).item() == 3
    assert fusion.concatenation(features).flatten().tolist() == [1, 5, 3]
