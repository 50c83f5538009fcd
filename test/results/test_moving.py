# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.results.moving import moving_points, rays


def car(speed=(3.0, 0.0), background=(0.0, 0.0)):
    """Motion to the shorter and the longer frame, taken before and after the reference."""
    motion = np.zeros((2, 40, 48, 2), np.float32) + background
    motion[:, 8:16, 16:32] += speed
    motion[0] *= -1
    return motion.astype(np.float32)


def test_a_car_is_found_with_its_speed(deghosted):
    found = moving_points(deghosted(motion=car()), threshold=1.0)
    assert len(found.pixels) == 2 * 4
    assert found.pixels.min(0).tolist() == [18, 10]
    assert found.pixels.max(0).tolist() == [30, 14]
    np.testing.assert_allclose(found.velocities, np.tile([300, 0], (8, 1)), rtol=1e-5)


def test_what_moves_with_the_camera_stands_still(deghosted):
    found = moving_points(deghosted(motion=car(background=(5.0, 0.0))), threshold=1.0)
    np.testing.assert_allclose(found.velocities, np.tile([300, 0], (8, 1)), rtol=1e-5)


def test_the_exposure_that_shows_most_motion_tells_the_speed(deghosted):
    motion = car()
    motion[0] = 0
    assert moving_points(deghosted(motion=motion), 1.0).velocities[0].tolist() == [300, 0]


def test_frames_of_one_stamp_tell_places_but_no_speeds(deghosted):
    found = moving_points(deghosted(motion=car(), interval_ns=0), threshold=1.0)
    assert len(found.pixels) == 8
    assert np.isnan(found.velocities).all()


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (3, 2)])
def test_tiny_pictures_are_no_problem(deghosted, size):
    motion = np.zeros((2, *size, 2), np.float32)
    found = moving_points(deghosted(size=size, motion=motion), threshold=1.0)
    assert found.pixels.shape == found.velocities.shape == (0, 2)


CAMERA = (100.0, 0, 24, 0, 50, 20, 0, 0, 1)


def test_rays_end_one_metre_in_front_of_the_camera():
    points = rays(np.array([[24, 20], [124, 70]], np.float32), CAMERA, (), '')
    np.testing.assert_allclose(points, [[0, 0, 1], [1, 1, 1]], atol=1e-6)


@pytest.mark.parametrize(('model', 'distortion'), [
    ('plumb_bob', (-0.1, 0, 0, 0, 0)), ('equidistant', (0.0, 0, 0, 0))])
def test_rays_undo_the_distortion(model, distortion):
    (point,) = rays(np.array([[64, 20]], np.float32), CAMERA, distortion, model)
    straight = {'plumb_bob': 0.407, 'equidistant': np.tan(0.4)}[model]
    np.testing.assert_allclose(point, [straight, 0, 1], atol=1e-3)


def test_rays_of_an_uncalibrated_camera_are_not_numbers():
    assert np.isnan(rays(np.zeros((2, 2), np.float32), (0.0,) * 9, (), '')).all()


def test_no_pixels_no_rays():
    assert rays(np.zeros((0, 2), np.float32), CAMERA, (), 'equidistant').shape == (0, 3)


@pytest.mark.parametrize(('model', 'count', 'expected'), [
    ('equidistant', 5, '4'), ('plumb_bob', 3, '4 or 5 or 8 or 12 or 14')])
def test_a_distortion_of_a_wrong_length_is_one_line(model, count, expected):
    with pytest.raises(ValueError, match=(
            f'^expected {expected} distortion coefficients for the model {model!r}, got {count}; '
            'correct the calibration$')):
        rays(np.zeros((2, 2), np.float32), CAMERA, (0.0,) * count, model)
