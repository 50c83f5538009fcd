# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.assembly.exposure_levels import ExposureLevels


def learned(size, exposures):
    levels = ExposureLevels(size)
    for exposure in exposures:
        levels.see(exposure)
    return levels


def test_nominal_levels_keep_their_order():
    levels = ExposureLevels(3, (0.016, 0.001, 0.004))
    assert levels.known
    assert [levels.label(e) for e in (0.001, 0.004, 0.016)] == [1, 2, 0]


@pytest.mark.parametrize(('exposure', 'label'), [
    (0.0013, 0), (0.0019, 0), (0.0021, 1), (0.0079, 1), (0.031, 2), (0.033, None), (0.00049, None),
])
def test_exposure_is_of_the_nearest_level_within_half_a_step(exposure, label):
    assert ExposureLevels(3, (0.001, 0.004, 0.016)).label(exposure) == label


def test_levels_are_unknown_until_all_were_seen():
    levels = learned(3, [0.001, 0.004, 0.001, 0.004])
    assert not levels.known
    assert levels.label(0.001) is None
    levels.see(0.016)
    assert [levels.label(e) for e in (0.001, 0.004, 0.016)] == [0, 1, 2]


@pytest.mark.parametrize(('size', 'exposures'), [
    (3, [0.001, 0.00101, 0.004, 0.00099]),  # two levels and their noise
    (2, [0.010, 0.011]),  # nearer than 20 %
])
def test_what_is_not_clear_cut_gives_no_levels(size, exposures):
    assert not learned(size, exposures).known


def test_exposure_of_one_level_too_many_is_of_none():
    levels = learned(3, 4 * [0.001, 0.004, 0.016, 0.064])
    assert levels.label(0.064) is None


def test_levels_follow_an_automatic_exposure():
    levels = ExposureLevels(3)
    for turn in range(200):
        for label, exposure in enumerate((0.001, 0.004, 0.016)):
            levels.see(exposure * 1.01**turn)
            assert levels.label(exposure * 1.01**turn) == label or turn == 0


@given(st.lists(st.floats(1.5, 4.0), min_size=1, max_size=8), st.randoms())
def test_levels_are_found_in_any_order(steps, rng):
    exposures = [1e-4]
    for step in steps:
        exposures.append(exposures[-1] * step)
    shuffled = 2 * exposures
    rng.shuffle(shuffled)
    levels = learned(len(exposures), shuffled)
    assert [levels.label(exposure) for exposure in exposures] == list(range(len(exposures)))


def test_description_names_each_level_once():
    assert learned(3, [0.001, 0.004, 0.001]).describe() == '0.001, 0.004 s'
