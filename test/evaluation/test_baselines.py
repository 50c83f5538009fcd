# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines import BASELINES

TIMES = (0.01, 0.04, 0.16)


def bracket_of(radiances):
    """Ideal float frames, one radiance (relative to the shortest exposure) per exposure."""
    return Bracket.of(
        Frame(pixels=(np.clip(r * t / TIMES[0], 0, 1) ** (1 / 2.2)).astype(np.float32),
              exposure_time=t)
        for r, t in zip(radiances, TIMES, strict=True)
    )


def ramp():
    return np.linspace(0.001, 1, 48).reshape(4, 4, 3)


@pytest.mark.parametrize('name', BASELINES)
def test_output_is_in_the_unit_of_eq_2(name):
    truth = ramp() / 4  # the reference does not clip
    radiance = BASELINES[name](bracket_of([truth] * 3))
    np.testing.assert_allclose(radiance * TIMES[0], truth, rtol=1e-3)
    assert radiance.dtype == np.float32


@pytest.mark.parametrize('name', BASELINES)
def test_grey_stays_grey(name):
    truth = ramp()[..., 0] / 4
    radiance = BASELINES[name](bracket_of([truth] * 3))
    np.testing.assert_allclose(radiance * TIMES[0], truth, rtol=1e-3)


def test_reference_only_clips_where_the_reference_does():
    radiance = BASELINES['reference'](bracket_of([np.full((2, 2, 3), 0.9)] * 3))
    np.testing.assert_allclose(radiance * TIMES[0], 0.25, rtol=1e-5)


def test_static_merge_sees_beyond_the_reference():
    radiance = BASELINES['static_merge'](bracket_of([np.full((2, 2, 3), 0.9)] * 3))
    np.testing.assert_allclose(radiance * TIMES[0], 0.9, rtol=1e-3)


def test_static_merge_shows_a_ghost_and_reference_only_does_not():
    dark, bright = np.full((2, 2, 3), 0.004), np.full((2, 2, 3), 0.03)
    moved = bracket_of([dark, dark, bright])
    assert (BASELINES['static_merge'](moved) * TIMES[0] > 0.006).all()
    np.testing.assert_allclose(BASELINES['reference'](moved) * TIMES[0], 0.004, rtol=1e-3)
