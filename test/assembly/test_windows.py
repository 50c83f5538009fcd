# SPDX-License-Identifier: Apache-2.0
from .conftest import assembler, cycle, frame, run, stamps


def test_bracket_that_lost_a_frame_is_incomplete_once_later_ones_came():
    made = assembler()
    frames = [f for f in cycle(7) if f.sequence_id % 3 != 1]
    assert run(made, frames) == []
    assert made.dropped == {'incomplete': 2 * (7 - 3)}
    assert made.held == 6


def test_bracket_overtaken_by_a_newer_one_is_superseded_and_its_late_frame_stale():
    short, middle, long, *newer = cycle(2)
    made = assembler()
    [bracket] = run(made, [short, middle, *newer, long])
    assert stamps(bracket) == [30, 40, 50]
    assert made.dropped == {'superseded': 2, 'stale': 1}


def test_second_frame_of_a_bracket_that_is_out_is_stale():
    made = assembler()
    assert len(run(made, [*cycle(1), frame(5, exposure=1, counter=0)])) == 1
    assert made.dropped == {'stale': 1}
    assert made.held == 0


def test_frame_that_is_late_by_less_than_a_bracket_is_waited_for():
    short, middle, long, *newer = cycle(2)
    made = assembler()
    assert len(run(made, [short, middle, newer[0], newer[1], long, newer[2]])) == 2
    assert made.dropped.total() == 0


def test_two_frames_of_one_exposure_in_a_turn_spoil_it():
    made = assembler()
    a, b, c, *newer = cycle(2)
    twin = frame(5, exposure=1, counter=0)
    assert len(run(made, [a, twin, b, c, *newer])) == 1
    assert made.dropped == {'invalid': 4}
    assert 'got two of one' in made.complaint
