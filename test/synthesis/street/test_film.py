# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from ddfnet_ros.synthesis.street.film import expose_street


def _box_columns(picture):
    """Columns through the box that differ from the empty street."""
    row = picture[30, :, 0]
    return (np.abs(row - 0.05) > 0.01).sum()


def test_the_same_instant_looks_the_same_twice(small_street):
    once, again = (expose_street(small_street, 0.1, 0.005, 2) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_what_moves_is_elsewhere_later(small_street):
    early, late = (expose_street(small_street, t, 0.001, 1) for t in (0.1, 0.5))
    assert np.abs(early - late).max() > 0.1


def test_motion_blur_grows_with_the_time_of_exposure(small_street):
    short = _box_columns(expose_street(small_street, 0.1, 0.001, 1))
    long_ = _box_columns(expose_street(small_street, 0.1, 0.12, 4))
    # 6 m/s at 5 m: 48 px/s at this focal length.
    assert long_ - short == pytest.approx(0.12 * 48, abs=2.5)


def test_one_smeared_instant_is_like_many_drawn_ones(small_street):
    few = expose_street(small_street, 0.2, 0.05, 1)
    many = expose_street(small_street, 0.2, 0.05, 12)
    # The box turns its side while it passes, which one instant cannot show.
    assert np.abs(few - many).mean() < 0.002


def test_lights_near_white_smoothly_and_never_reach_it(small_street):
    plate = replace(small_street.plate, sunlit=small_street.plate.sunlit * 10 + 0.05,
                    shaded=small_street.plate.shaded)
    plate.sunlit[20:24, 40:44] = 50
    seen = expose_street(replace(small_street, plate=plate, actors=()), 0.0, 0.001, 1)
    assert 0.95 < seen.max() < 1.0001


def test_what_is_not_bright_passes_the_lens_unchanged(small_street):
    empty = expose_street(replace(small_street, actors=()), 0.0, 0.001, 1)
    np.testing.assert_allclose(empty, 0.05, rtol=1e-4)


def test_a_lamp_glows_around_itself(small_street):
    plate = replace(small_street.plate, sunlit=small_street.plate.sunlit.copy())
    plate.sunlit[20:22, 40:42] = 20
    seen = expose_street(replace(small_street, plate=plate, actors=()), 0.0, 0.001, 1)
    assert seen[20, 48].min() > seen[20, 70].min() > 0.05
