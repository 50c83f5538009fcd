# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.street.projection import StreetCamera

CAMERA = StreetCamera(yaw=0.2)


def test_eye_level_lies_on_the_horizon_at_any_distance():
    at, _ = CAMERA.project(np.array([[0.0, 5.0, 1.6], [3.0, 50.0, 1.6]]))
    np.testing.assert_allclose(at[:, 1], CAMERA.horizon)


def test_the_yaw_looks_to_the_right():
    at, _ = CAMERA.project(np.array([[np.sin(0.2), np.cos(0.2), 1.6]]))
    np.testing.assert_allclose(at[0], [320, 150], atol=1e-9)


def test_distance_is_from_the_eye_and_not_from_the_ground():
    _, distance = CAMERA.project(np.array([[0.0, 3.0, 1.6 - 4.0]]))
    assert distance[0] == pytest.approx(5.0)


def test_ground_positions_project_back_to_their_pixels():
    ground = CAMERA.ground()
    row, column = 300, 500
    at, _ = CAMERA.project(np.array([[*ground[row, column], 0.0]]))
    np.testing.assert_allclose(at[0], [column + 0.5, row + 0.5], atol=1e-6)


def test_there_is_no_ground_above_the_horizon():
    assert not np.isfinite(CAMERA.ground()[149]).any()
    assert np.isfinite(CAMERA.ground()[150]).all()


def test_angles_are_those_of_the_pixels_middles():
    azimuth, elevation = (angles[at] for angles, at in zip(CAMERA.angles(), (77, 40), strict=True))
    flat = np.cos(elevation)
    direction = np.array([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)])
    at, distance = CAMERA.project((CAMERA.position + direction)[None])
    np.testing.assert_allclose(at[0], [77.5, 40.5], atol=1e-6)
    assert distance[0] == pytest.approx(1)


def test_a_scaled_camera_sees_the_same_with_more_pixels():
    point = np.array([[2.0, 7.0, 0.5]])
    once, _ = CAMERA.project(point)
    thrice, _ = CAMERA.scaled(3).project(point)
    np.testing.assert_allclose(thrice, 3 * once)
