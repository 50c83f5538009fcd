# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.turns import TurnTracker


def test_turns_are_counted_on_over_a_few_lost_ones():
    turns = TurnTracker()
    first = turns.turn(1000.0, 30.0)
    assert turns.turn(1009.0, 30.0) == first
    assert turns.turn(1032.0, 30.0) == first + 1
    assert turns.turn(998.0, 30.0) == first
    assert turns.turn(1125.0, 30.0) == first + 4


def test_drift_is_followed():
    turns = TurnTracker()
    start_ns, numbers = 0.0, []
    for _ in range(100):
        numbers.append(turns.turn(start_ns, 30.0))
        start_ns += 36.0
    assert numbers == list(range(numbers[0], numbers[0] + 100))


def test_frame_between_two_turns_is_of_none():
    turns = TurnTracker()
    turns.turn(0.0, 30.0)
    for start_ns in (-45.0, 11.0, 15.0, 19.0):
        with pytest.raises(FrameError, match='between two turns'):
            turns.turn(start_ns, 30.0)


def test_frame_of_long_ago_is_stale_and_one_long_after_begins_anew():
    turns = TurnTracker()
    first = turns.turn(0.0, 30.0)
    with pytest.raises(FrameError) as error:
        turns.turn(-200.0, 30.0)
    assert error.value.reason == 'stale'
    later = turns.turn(1015.0, 30.0)
    assert later > first + 3
    assert turns.turn(1020.0, 30.0) == later
