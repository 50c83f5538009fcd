# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from ddfnet_ros.evaluation.detection.crops import Aim, crop_box, white_of
from ddfnet_ros.evaluation.detection.signals import STATES, signal_scene
from ddfnet_ros.evaluation.detection.view import REFERENCE, SITUATIONS

STRAIGHT = Aim(0.0, 0.0, 1.0)
BRIGHT_DAY = replace(SITUATIONS['day'], lamp=(4.0, 4.0), halo=(0.0, 0.0), veil=(0.0, 0.0))


def scene_of(place, situation=BRIGHT_DAY, state='green', seed=0):
    return signal_scene(place, situation, state, np.random.default_rng(seed))


@pytest.mark.parametrize(('state', 'third', 'channel'), [('red', 0, 0), ('green', 2, 1)])
def test_the_lamp_of_the_state_shines_at_its_place_in_its_colour(place, state, third, channel):
    night = replace(SITUATIONS['night'], halo=(0.0, 0.0))
    scene = scene_of(place, night, state)
    crop = crop_box(scene.capture.radiance, scene.box, STRAIGHT)[:, 8:16]
    thirds = [crop[8 * k:8 * k + 8].reshape(-1, 3).mean(0) for k in range(3)]
    assert int(np.argmax([part.max() for part in thirds])) == third
    assert int(thirds[third].argmax()) == channel


def test_states_differ_in_nothing_but_the_lamp(place):
    red, green = (scene_of(place, state=state) for state in ('red', 'green'))
    assert red.boxes == green.boxes
    apart = np.abs(red.capture.radiance - green.capture.radiance).max(-1) > 1e-4
    rows, columns = np.nonzero(apart)
    assert len(rows) > 0
    assert rows.min() >= red.box.top - 1
    assert rows.max() <= red.box.bottom + 1
    assert columns.min() >= red.box.left - 1
    assert columns.max() <= red.box.right + 1


def test_who_drives_on_sees_the_light_grow(place):
    heights = [box.height for box in scene_of(place).boxes]
    assert heights == sorted(heights)
    assert heights[0] < heights[-1]


@pytest.mark.parametrize('seed', range(3))
def test_a_pulsed_lamp_is_dark_in_the_short_frame_only(place, seed):
    situation = replace(SITUATIONS['pulsed'], lamp=(20.0, 20.0), sensor=BRIGHT_DAY.sensor)
    lit, dark = (scene_of(place, replace(situation, lamp=(level, level)), 'red', seed)
                 for level in (20.0, 1e-6))
    inside = [np.s_[round(box.top):round(box.bottom), round(box.left):round(box.right)]
              for box in lit.boxes]
    changes = [np.abs(one.pixels[where].astype(int) - other.pixels[where]).max()
               for one, other, where in zip(
                   lit.capture.bracket.frames, dark.capture.bracket.frames, inside, strict=True)]
    assert changes[0] < 40 < changes[REFERENCE]


def test_the_sun_outshines_all_else_where_it_is(place):
    day, backlight = (scene_of(place, replace(BRIGHT_DAY, sun=sun), seed=2)
                      for sun in (False, True))
    assert backlight.capture.radiance.max() > 20 * day.capture.radiance.max()


def test_equal_seeds_give_equal_scenes(place):
    first, again, other = (scene_of(place, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.capture.bracket.reference.pixels,
                                  again.capture.bracket.reference.pixels)
    assert first.boxes != other.boxes


def test_night_is_dark_and_lamps_are_not(place):
    scene = scene_of(place, SITUATIONS['night'], 'amber')
    reference = scene.capture.bracket.reference.pixels
    assert reference.max() == 255
    assert np.median(reference) < 100


def test_a_crop_is_centred_on_its_box_and_white_is_of_the_middle(place):
    picture = np.zeros((64, 64, 3), np.float32)
    scene = scene_of(place)
    box = replace(scene.box, left=20.0, top=12.0, right=30.0, bottom=36.0)
    picture[12:36, 13:37] = 0.5
    assert crop_box(picture, box, STRAIGHT).min() == pytest.approx(0.5)
    assert crop_box(picture, box, Aim(0.5, 0.0, 1.0)).mean() == pytest.approx(0.25)
    picture[:, :14] = 9.0
    assert white_of(crop_box(picture, box, STRAIGHT)) == pytest.approx(0.5)


def test_all_states_are_there():
    assert list(STATES) == ['red', 'amber', 'green']
