# SPDX-License-Identifier: Apache-2.0
from contextlib import suppress

import numpy as np
import pytest

from ddfnet_ros.assembly.grid import GridPlacer
from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.windows import Sighting
from ddfnet_ros.bracket import Frame


def sighting(stamp_ns):
    return Sighting(Frame(pixels=np.zeros((1, 1), np.uint8), stamp_ns=stamp_ns))


def place(grid, stamp_ns):
    spot = grid.locate(sighting(stamp_ns))
    return spot.ordinal // 3, spot.place


@pytest.mark.parametrize(('stamp_ns', 'turn', 'slot'), [
    (5, 0, 0), (15, 0, 1), (25, 0, 2), (35, 1, 0), (8, 0, 0), (2, 0, 0), (29, 0, 2), (31, 1, 0),
    (-5, -1, 2), (30_000_000_000_000_005, 10**15, 0),
])
def test_frame_is_of_the_nearest_slot(stamp_ns, turn, slot):
    assert place(GridPlacer(3, period_ns=30, offset_ns=5), stamp_ns) == (turn, slot)


def test_real_clock_with_a_period_that_is_no_whole_number():
    period_ns = 1e9 / 30
    offset_ns = 1_700_000_000_000_000_000 % period_ns
    grid = GridPlacer(3, period_ns, offset_ns)
    first = 1_700_000_000_000_000_000
    spots = [place(grid, first + round(k * period_ns / 3)) for k in range(300)]
    assert [slot for _, slot in spots] == 100 * [0, 1, 2]
    assert spots[-1][0] - spots[0][0] == 99


def test_frame_between_two_slots_costs_trust_for_a_while():
    grid = GridPlacer(3, period_ns=30, offset_ns=5)
    with pytest.raises(FrameError, match='do not keep to the grid'):
        grid.locate(sighting(20))
    refused = 0
    for k in range(2, 40):
        try:
            grid.locate(sighting(5 + 10 * k))
        except FrameError:
            refused += 1
    assert refused == 3 * 3 * 2 - 1


def test_every_further_strike_costs_more_and_time_heals():
    def refused_after_strikes(count, good=0):
        grid = GridPlacer(3, period_ns=30, offset_ns=5)
        for k in range(count):
            with pytest.raises(FrameError):
                grid.locate(sighting(10 + 10 * k))
        for phase in (good, 10_000):
            refused = 0
            for k in range(phase):
                try:
                    grid.locate(sighting(5 + 10 * k))
                except FrameError:
                    refused += 1
            if phase == good and good:
                with pytest.raises(FrameError):
                    grid.locate(sighting(10))
        return refused

    assert refused_after_strikes(1) < refused_after_strikes(3) < refused_after_strikes(6)
    # A strike long after is like the first one.
    assert refused_after_strikes(1, good=1000) == refused_after_strikes(1)


def first_believed(grid, first, limit=100_000):
    """How many frames on the grid are refused before one is believed."""
    for k in range(limit):
        try:
            grid.locate(sighting(5 + 10 * (first + k)))
        except FrameError:
            continue
        return k
    return limit


@pytest.mark.parametrize(('spell', 'most'), [(20, 200), (100_000, 20_000)])
def test_a_spell_off_the_grid_is_over_in_minutes(spell, most):
    grid = GridPlacer(3, period_ns=30, offset_ns=5)
    for k in range(spell):  # a camera whose clock is not locked yet
        with pytest.raises(FrameError):
            grid.locate(sighting(10 + 10 * k))
    assert first_believed(grid, spell + 1) < most


def test_a_camera_that_drifts_slowly_is_not_believed_once_it_has_left_the_grid():
    grid = GridPlacer(3, period_ns=30_000, offset_ns=5_000)
    places = []
    for k in range(40_000):
        with suppress(FrameError):
            places.append(grid.locate(sighting(5_000 + 10_002 * k)).ordinal == k)
    assert all(places)
    assert len(places) > 1000


def test_a_jump_of_time_ends_the_distrust():
    grid = GridPlacer(3, period_ns=30, offset_ns=5)
    with pytest.raises(FrameError):
        grid.locate(sighting(10))
    grid.restart()
    assert first_believed(grid, 2) == 0
