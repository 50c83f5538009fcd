# SPDX-License-Identifier: Apache-2.0
"""DIS on bracket images: direction, sizes, brightness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.flow.dis import DISFlow, dis_flow
from ddfnet_ros.radiance import encode, input_stack


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth noise in [0, 1], wide enough to cut shifted views from."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 1, cv2.NORM_MINMAX)


def shifted_views(height: int, width: int, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Two uint8 views; what the first shows at p is at p + (x, y) in the second."""
    scene = (texture(height + 16, width + 16) * 255).astype(np.uint8)
    return scene[8:8 + height, 8:8 + width], scene[8 - y:8 - y + height, 8 - x:8 - x + width]


def test_flow_points_from_the_reference_to_the_other_frame_as_x_y():
    flow = dis_flow(*shifted_views(120, 160, x=5, y=-3))
    assert flow.shape == (120, 160, 2)
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [5, -3], atol=0.2)


@pytest.mark.parametrize('size', [(1, 1), (3, 200), (9, 200), (12, 1000), (17, 13), (97, 41)])
@pytest.mark.parametrize('preset', ['fast', 'medium', 'dense'])
def test_any_size_gives_finite_flow(size, preset):
    flow = dis_flow(*shifted_views(*size, x=1, y=0), preset)
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


def test_unequal_sizes_and_unknown_presets_are_refused():
    image = np.zeros((40, 40), np.uint8)
    with pytest.raises(ValueError, match='one size'):
        dis_flow(image, image[:20])
    with pytest.raises(ValueError, match='got \'slow\''):
        dis_flow(image, image, 'slow')


def exposed(radiance: torch.Tensor, exposures: list[float], response: str) -> torch.Tensor:
    t = torch.tensor([exposures])
    ldr = encode((radiance * t[..., None, None, None]).clamp(0, 1), response)
    return input_stack(ldr, t, response)


@pytest.mark.parametrize('response', ['gamma', 'linear'])
def test_the_provider_sees_through_exposure_and_clipping(response):
    views = shifted_views(120, 160, x=4, y=2)
    reference, other = (torch.from_numpy(v.copy()) / 255 for v in views)
    # Mid first, then short and long: 1/4 and 16/4 of it; the long one clips over half the image.
    radiance = torch.stack([reference, other, other])[None, :, None].expand(1, 3, 3, -1, -1)
    stack = exposed(radiance * 0.24, [4.0, 1.0, 16.0], response)
    assert (stack[0, 2, :3] == 1).float().mean() > 0.5
    flow = DISFlow()(stack)
    assert flow.shape == (1, 2, 2, 120, 160)
    for pair in flow[0]:
        torch.testing.assert_close(
            pair.flatten(1).median(dim=1).values, torch.tensor([4.0, 2.0]), atol=0.3, rtol=0)


def test_the_provider_takes_each_bracket_of_a_batch_for_itself():
    stack = torch.rand(2, 2, 6, 48, 56)
    both = DISFlow('fast')(stack)
    alone = torch.cat([DISFlow('fast')(bracket[None]) for bracket in stack])
    torch.testing.assert_close(both, alone, rtol=0, atol=0)


@pytest.mark.parametrize('size', [(45, 51), (360, 643), (1000, 1500)])
def test_motion_is_looked_for_on_small_images_and_told_in_pixels_of_the_frames(size):
    views = shifted_views(*size, x=4, y=2)
    reference, other = (torch.from_numpy(v.copy()) / 255 for v in views)
    radiance = torch.stack([reference, other])[None, :, None].expand(1, 2, 3, -1, -1)
    flow = DISFlow()(exposed(radiance * 0.24, [4.0, 1.0], 'linear'))
    assert flow.shape == (1, 1, 2, *size)
    torch.testing.assert_close(
        flow.flatten(3).median(dim=3).values[0, 0], torch.tensor([4.0, 2.0]), atol=0.3, rtol=0)


@pytest.mark.parametrize('size', [(45, 51), (360, 640), (1000, 1500)])
def test_motion_for_another_device_is_enlarged_there_and_the_same(size):
    views = shifted_views(*size, x=4, y=2)
    provider = DISFlow()
    cell = provider.cell(*size)
    small = [cv2.resize(view, None, fx=1 / cell, fy=1 / cell)[None] for view in views]
    here = provider.estimate(*small, cell)
    there = provider.estimate_on(torch.device('cpu'), *small, cell)
    torch.testing.assert_close(there, here, atol=1e-3, rtol=1e-5)
    assert there.is_contiguous()
