# SPDX-License-Identifier: Apache-2.0
"""Warping by a flow."""

from __future__ import annotations

import torch

from ddfnet_ros.flow.warp import warp


def test_each_pixel_is_fetched_from_where_its_flow_points():
    image = torch.arange(12.0).reshape(1, 1, 1, 3, 4)
    flow = torch.zeros(1, 1, 2, 3, 4)
    flow[0, 0, :, 1, 1] = torch.tensor([2.0, -1.0])  # from (x 3, y 0)
    flow[0, 0, :, 2, 0] = torch.tensor([0.5, 0.0])  # halfway between 8 and 9
    moved = warp(image, flow)
    expected = image.clone()
    expected[..., 1, 1] = 3.0
    expected[..., 2, 0] = 8.5
    torch.testing.assert_close(moved, expected)


def test_outside_the_image_is_its_border_or_nothing():
    image = torch.full((1, 1, 1, 2, 3), 7.0)
    flow = torch.full((1, 1, 2, 2, 3), 100.0)
    assert (warp(image, flow) == 7).all()
    assert (warp(image, flow, outside='zeros') == 0).all()


def test_one_pixel_wide_images_are_moved_too():
    image = torch.rand(1, 1, 2, 1, 1)
    torch.testing.assert_close(warp(image, torch.zeros(1, 1, 2, 1, 1)), image)


def test_half_precision_features_are_moved_by_exact_coordinates():
    ramp = torch.arange(1000.0).reshape(1, 1, 1, 1, -1)
    half = (ramp / 1024).bfloat16()
    flow = torch.ones(1, 1, 2, 1, 1000) * torch.tensor([1.0, 0.0])[:, None, None]
    moved = warp(half, flow)
    assert moved.dtype == torch.bfloat16
    torch.testing.assert_close(moved[..., :-1], half[..., 1:], rtol=0.01, atol=0)


def test_some_rows_are_moved_as_they_are_with_all_others():
    generator = torch.Generator().manual_seed(2)
    image = torch.rand((1, 2, 3, 12, 8), generator=generator)
    flow = 4 * torch.randn((1, 2, 2, 12, 8), generator=generator)
    assert torch.equal(warp(image, flow[..., 5:9, :], first_row=5), warp(image, flow)[..., 5:9, :])
