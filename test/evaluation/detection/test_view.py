# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.evaluation.detection.places import places
from ddfnet_ros.evaluation.detection.view import REFERENCE, SITUATIONS, View, metered_white


def view_of(place, situation='day', seed=0):
    return View(place, SITUATIONS[situation], 192, np.random.default_rng(seed))


@pytest.mark.parametrize('frame', [0, 2])
def test_the_place_and_what_stands_there_shake_together(place, frame):
    view = view_of(place, seed=4)
    reference, shaken = (np.log(view._render_frame(k, []).mean(-1)) for k in (REFERENCE, frame))
    (x, y), _ = cv2.phaseCorrelate(reference, shaken, cv2.createHanningWindow((192, 192), 5))
    ahead = np.array([[3.0 * np.sin(view.camera.yaw), 3.0 * np.cos(view.camera.yaw), 1.0]])
    moved = view.cameras[frame].project(ahead)[0] - view.camera.project(ahead)[0]
    assert np.abs(moved).max() > 1
    assert (x, y) == pytest.approx(moved[0], abs=0.4)


def test_the_reference_is_exposed_for_the_mean_of_the_view(place):
    view = view_of(place)
    seen = view._render_frame(REFERENCE, [])
    assert metered_white(seen) == pytest.approx(view.white, rel=0.3)
    assert view.white == pytest.approx(1 / view.exposure[1])


def test_the_mean_is_exposed_as_grey():
    assert metered_white(np.full((4, 4, 3), 0.18)) == pytest.approx(1.0, rel=0.01)


def test_longer_frames_are_brighter_and_clip_more(place):
    frames = view_of(place).take([[], [], []], np.random.default_rng(0)).bracket.frames
    means = [frame.pixels.mean() for frame in frames]
    assert means == sorted(means)
    assert (frames[0].pixels == 255).mean() < (frames[2].pixels == 255).mean()


def test_a_frame_taken_anew_is_white_where_it_is_told_to(place):
    capture = view_of(place).take([[], [], []], np.random.default_rng(0))
    white = float(np.quantile(capture.radiance, 0.5))
    again = capture.retake(white, np.random.default_rng(0))
    assert (again[capture.radiance > 1.2 * white] > 0.99).all()
    assert (again[capture.radiance < 0.5 * white] < 0.8).all()


def test_a_folder_without_panoramas_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'expected \.exr panoramas, got none'):
        places(tmp_path)


def test_a_place_has_no_sun_but_its_light_has(place):
    assert place.panorama.radiance.max() < 100
    assert place.light.sun.max() > 0
