# SPDX-License-Identifier: Apache-2.0
"""What the task asks of the demo's street: speeds, lamps, magnification."""

import numpy as np
import pytest

from ddfnet_ros.synthesis.street.actors import Course
from ddfnet_ros.synthesis.street.drawn import drawn_panorama
from ddfnet_ros.synthesis.street.shutter import Shutter
from ddfnet_ros.synthesis.street.story import LOCATIONS, PREFERRED, build_street, credit

FRAME = 1 / 30


@pytest.fixture(scope='module')
def street():
    return build_street(drawn_panorama(7, height=192), 7)


def _speeds(street, low, high):
    """Fastest motion in the picture of each actor of a footprint's length [px per frame]."""
    found = []
    for actor in street.actors:
        if actor.course is None or not low < actor.length < high:
            continue
        steps = [0.0]
        for t in np.arange(0, 1.4, 0.2):
            pair = [actor.at(t), actor.at(t + FRAME)]
            at, _ = street.camera.project(np.array([[s.x, s.y, 0.7] for s in pair]))
            if 0 < at[1, 0] < street.camera.width:
                steps.append(float(np.hypot(*(at[1] - at[0]))))
        found.append(max(steps))
    return found


def test_vehicles_move_4_to_20_pixels_between_frames(street):
    assert sum(4 <= step <= 20 for step in _speeds(street, 1.5, 20)) >= 3
    assert max(_speeds(street, 1.5, 20)) <= 20


def test_pedestrians_move_1_to_4_pixels_between_frames(street):
    steps = _speeds(street, 0, 1)
    assert len(steps) >= 3
    assert all(1 <= step <= 4 for step in steps)


def test_the_panorama_is_magnified_at_most_by_half(street):
    width = 1024  # of a panorama of the size called 1k; focal is in pixels per radian
    assert street.camera.focal * 2 * np.pi / width <= 1.5


def test_exposures_are_apart_and_the_reference_is_the_median():
    times = Shutter().exposure_times
    ratios = np.array(times[1:]) / times[:-1]
    assert ((ratios >= 4) & (ratios <= 8)).all()
    assert Shutter().reference == 1
    assert max(times) < FRAME


def test_the_traffic_light_clips_in_the_long_exposure_only(street):
    short, middle, long_ = (t / min(Shutter().exposure_times) for t in Shutter().exposure_times)
    signal = min((a for a in street.actors if a.course is None), key=lambda a: a.length).at(0.0)
    mesh = signal.mesh
    lamps = signal.paint(mesh.part, mesh.local[mesh.faces[:, 0]], np.zeros(0), np.zeros(0))
    brightest = lamps.emission.max()
    assert brightest * short < 1
    assert brightest * middle < 1.2
    assert brightest * long_ > 4


def test_who_brakes_comes_to_rest_and_stays():
    course = Course(x=0.0, y=0.0, heading=0.0, speed=4.0, acceleration=-2.0)
    assert course.at(2.0)[1] == pytest.approx(4.0)
    assert course.at(9.0) == course.at(2.0)


def test_a_turn_leads_to_the_right():
    x, y, heading, way = Course(x=0.0, y=0.0, heading=0.0, speed=2.0, turn=0.5).at(1.0)
    assert x > 0
    assert y > 0
    assert heading == pytest.approx(0.5)
    assert way == pytest.approx(2.0)


def test_the_shipped_panorama_is_known_with_its_licence():
    assert LOCATIONS[PREFERRED].white > 0
    assert 'CC0' in credit(PREFERRED)
    assert 'CC0' not in credit('my_own')


def test_shade_of_the_trees_is_found_on_the_road(street):
    assert 0 <= street.plate.sun_at(0.0, 6.0, street.camera) <= 1
    assert street.plate.shaded.mean() <= street.plate.sunlit.mean()
