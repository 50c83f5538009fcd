# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from small_street import HEIGHT, WIDTH

from ddfnet_ros.demo.shots import display, largest_motion


def test_clipped_is_the_lamp(shots):
    assert shots[0].clipped[20, 120]
    assert shots[0].clipped.mean() == pytest.approx(np.pi * 8**2 / (HEIGHT * WIDTH), rel=0.3)


def test_window_of_the_largest_motion_holds_the_car(shots):
    window = largest_motion(shots)
    centre = 30 + 5 * (3 * window.shot.number - 2)
    assert window.left - 10 < centre < window.left + window.width + 10
    assert window.top < 74
    assert window.top + window.height > 58
    assert 0 <= window.left <= WIDTH - window.width
    assert 0 <= window.top <= HEIGHT - window.height


def test_window_lies_exactly_on_what_moves(shots):
    shot = dataclasses.replace(shots[0])
    shot.__dict__['motion'] = motion = np.zeros((HEIGHT, WIDTH), np.float32)
    motion[72:96, 120:160] = 5.0
    window = largest_motion([shots[1], shot], share=0.25)
    assert window.shot is shot
    assert (window.left, window.top, window.width, window.height) == (120, 72, 40, 24)


def test_window_is_found_even_if_nothing_moves(shots):
    still = dataclasses.replace(shots[0], moving=np.zeros_like(shots[0].moving))
    assert largest_motion([still]).shot is still


def test_cut_is_enlarged(shots):
    window = largest_motion(shots)
    cut = window.cut(shots[0].published, 4)
    assert cut.shape == (4 * window.height, 4 * window.width, 3)


def test_lamp_outshines_the_wall_and_neither_is_lost(shots):
    picture = shots[0].picture('truth')
    wall, lamp = picture[80:, 120:].mean(), picture[20, 120].mean()
    assert 30 < wall < 200
    assert 230 < lamp <= 255


@pytest.mark.parametrize(('pixels', 'expected'), [
    (np.uint8([[0, 200]]), [0, 200]), (np.uint16([[0, 65535]]), [0, 255]),
    (np.float32([[0.5, 2.0]]), [128, 255]),
])
def test_any_frame_is_displayed_in_eight_bits_of_rgb(pixels, expected):
    shown = display(pixels)
    assert shown.shape == (1, 2, 3)
    assert shown[0, :, 1].tolist() == expected
