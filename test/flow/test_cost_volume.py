# SPDX-License-Identifier: Apache-2.0
"""The tiled cost volume against the loop over displacements that defines it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ddfnet_ros.flow.cost_volume import cost_volume


def by_shifts(reference: torch.Tensor, other: torch.Tensor, radius: int) -> torch.Tensor:
    height, width = reference.shape[-2:]
    padded = F.pad(other, [radius] * 4)
    return torch.stack([
        (reference * padded[..., y:y + height, x:x + width]).mean(dim=1)
        for y in range(2 * radius + 1) for x in range(2 * radius + 1)
    ], dim=1)


@pytest.mark.parametrize('size', [(1, 1), (3, 17), (8, 8), (16, 24), (21, 13)])
@pytest.mark.parametrize('radius', [1, 4])
def test_tiles_equal_the_loop_over_shifts(size, radius):
    reference, other = torch.randn(2, 2, 6, *size)
    expected = by_shifts(reference, other, radius)
    torch.testing.assert_close(
        cost_volume(reference, other, radius), expected, rtol=1e-5, atol=1e-6)


def test_tiles_equal_the_loop_in_their_gradient():
    reference, other = torch.randn(2, 1, 3, 9, 11, requires_grad=True).unbind()
    pull = torch.randn(1, 81, 9, 11)
    tiles = torch.autograd.grad((cost_volume(reference, other) * pull).sum(), [reference, other])
    shifts = torch.autograd.grad((by_shifts(reference, other, 4) * pull).sum(), [reference, other])
    for a, b in zip(tiles, shifts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_the_channel_of_a_displacement_counts_rows_of_y_then_x():
    reference, other = torch.zeros(2, 1, 1, 12, 12).unbind()
    reference[0, 0, 5, 6] = 2
    other[0, 0, 5 - 3, 6 + 1] = 3
    costs = cost_volume(reference, other)
    assert costs.nonzero().tolist() == [[0, (-3 + 4) * 9 + (1 + 4), 5, 6]]
    assert costs.max() == 6
