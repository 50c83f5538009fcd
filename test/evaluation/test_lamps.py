# SPDX-License-Identifier: Apache-2.0
import colorsys

import numpy as np
import pytest

from ddfnet_ros.evaluation.lamps import lamp_mask, lamp_metrics

WHITE = 0.25
RED, GREEN = (0.9, 0.1, 0.05), (0.05, 0.8, 0.3)


def scene(lamp):
    picture = np.full((16, 16, 3), 0.1)
    picture[4:12, 4:12] = lamp
    return picture


def test_lamps_are_coloured_and_brighter_than_the_reference_shows():
    assert lamp_mask(scene(RED), WHITE).sum() == 64
    assert not lamp_mask(scene((0.9, 0.9, 0.85)), WHITE).any()
    assert not lamp_mask(scene((0.25, 0.02, 0.01)), WHITE).any()


def test_a_right_lamp_has_no_error():
    assert lamp_metrics(scene(RED), scene(RED), WHITE) == {'lamp_hue': 0, 'lamp_clipped': 0}


def test_hue_error_is_an_angle_on_the_colour_circle():
    found = lamp_metrics(scene(GREEN), scene(RED), WHITE)['lamp_hue']
    # HSV's hexagon and this circle agree at the primaries and differ by a degree between them.
    hues = [360 * colorsys.rgb_to_hsv(*colour)[0] for colour in (RED, GREEN)]
    assert found == pytest.approx(hues[1] - hues[0], abs=2)
    third = lamp_metrics(scene((0, 0, 1)), scene((0, 1, 0)), WHITE)['lamp_hue']
    assert third == pytest.approx(120)


def test_a_lamp_clipped_to_white_has_lost_its_hue_and_its_brightness():
    clipped = np.minimum(scene((0.9, 0.9, 0.9)), WHITE)
    assert lamp_metrics(clipped, scene(RED), WHITE) == {'lamp_hue': 90, 'lamp_clipped': 1}


def test_a_scene_without_lamps_has_no_figures():
    assert lamp_metrics(scene(0.1), scene(0.1), WHITE) == {}
