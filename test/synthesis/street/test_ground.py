# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street import ground
from ddfnet_ros.synthesis.street.layer import Layer
from ddfnet_ros.synthesis.street.projection import StreetCamera

from .conftest import grey_box

CAMERA = StreetCamera(width=320, height=180, focal=120.0, horizon=75.0)


def _pixel(x, y):
    at, _ = CAMERA.project(np.array([[x, y, 0.0]]))
    return int(at[0, 1]), int(at[0, 0])


def test_a_shadow_falls_away_from_the_sun_as_long_as_it_is_low():
    low_from_ahead = np.array([0.0, 0.9, 0.3]) / np.hypot(0.9, 0.3)
    mask = ground.shadow(grey_box(0.0, 8.0), CAMERA, low_from_ahead)
    assert mask[_pixel(0.0, 6.0)] == 1  # towards the camera, 3 m of shadow behind a box of 1 m
    assert mask[_pixel(0.0, 4.2)] == 0
    assert mask[_pixel(2.0, 6.0)] == 0
    assert mask[_pixel(0.0, 10.0)] == 0


def test_ground_is_darkest_beneath_an_object_and_untouched_far_from_it():
    seen = ground.sky_visibility(grey_box(0.0, 6.0), CAMERA.ground(), 1.0, 1.0, 0.15)
    assert seen[_pixel(0.0, 6.0)] < 0.15
    assert seen[_pixel(0.0, 6.0)] < seen[_pixel(0.0, 5.3)] < seen[_pixel(0.0, 5.0)]
    assert seen[_pixel(4.0, 4.0)] == 1


def test_contact_turns_with_the_object():
    long_ = ground.sky_visibility(
        grey_box(0.0, 6.0, heading=np.pi / 2), CAMERA.ground(), 4.0, 1.0, 0.1)
    assert long_[_pixel(1.7, 6.0)] < 0.3
    assert long_[_pixel(0.0, 4.6)] > 0.6


def test_markings_are_on_the_road_and_worn():
    paint = ground.marking_coverage(CAMERA, seed=3)
    assert (paint[:74] == 0).all()
    assert 0 <= paint.min() <= paint.max() <= 1
    stripe, gap = paint[_pixel(0.1, 5.0)], paint[_pixel(0.6, 5.0)]
    assert stripe > 0.3
    assert gap < 0.1


def test_grain_is_on_the_near_road_only_and_keeps_the_mean():
    brightness = ground.grain(CAMERA, seed=3)
    assert (brightness[:75] == 1).all()
    assert brightness[150:].std() > 0.03
    assert brightness[150:].mean() == pytest.approx(1, abs=0.03)


def test_a_reflection_hangs_beneath_its_object_and_fades():
    picture = np.zeros((60, 40, 3), np.float32)
    layer = Layer(colour=np.full((20, 10, 3), 0.5), coverage=np.ones((20, 10)), top=10, left=15,
                  distance=5.0)
    ground.reflect(layer, picture, 0.4, foot=30.0)
    column = picture[:, 20, 0]
    assert (column[:30] == 0).all()
    assert column[31] > column[40] > 0
    assert column[55] == 0
    assert picture[40, 5, 0] == 0


def test_a_reflection_beyond_the_picture_changes_nothing():
    picture = np.zeros((30, 40, 3), np.float32)
    layer = Layer(colour=np.ones((20, 10, 3)), coverage=np.ones((20, 10)), top=5, left=15,
                  distance=5.0)
    ground.reflect(layer, picture, 0.4, foot=45.0)
    assert picture.max() == 0
