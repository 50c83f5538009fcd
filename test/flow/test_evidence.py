# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.flow.evidence import keep_evident_motion

HEIGHT, WIDTH = 60, 80


def texture(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (HEIGHT, WIDTH), dtype=np.uint8)


def flow_of(x: float, y: float = 0.0) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 2), (x, y), np.float32)


def test_motion_in_a_clipped_area_is_taken_back():
    image = texture()
    image[20:50, 20:60] = 255
    flow = flow_of(0)
    flow[30:40, 30:50] = (0, -8)
    assert not keep_evident_motion(image, image, flow).any()


def test_motion_that_the_images_show_stays():
    reference, other = texture(), texture()
    other[20:40, 30:60] = reference[20:40, 26:56]
    flow = flow_of(0)
    flow[20:40, 26:56] = (4, 0)
    kept = keep_evident_motion(reference, other, flow)
    assert (kept[24:36, 36:50] == (4, 0)).all()
    assert not kept[:14].any()


def test_clipped_area_of_a_shaking_camera_moves_with_it():
    reference = texture()
    reference[20:50, 20:60] = 255
    other = np.roll(reference, 3, axis=1)
    flow = flow_of(3)
    flow[30:40, 30:45] = (0, -8)
    kept = keep_evident_motion(reference, other, flow)
    assert kept[35, 38] == pytest.approx((3, 0))


def test_camera_that_hardly_moves_stands_still():
    image = np.full((HEIGHT, WIDTH), 128, np.uint8)
    assert not keep_evident_motion(image, image, flow_of(0.2)).any()


def test_a_shift_that_explains_the_images_no_better_is_none_of_the_camera():
    image = np.full((HEIGHT, WIDTH), 128, np.uint8)
    assert not keep_evident_motion(image, image, flow_of(7, -3)).any()
