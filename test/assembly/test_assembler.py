# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from .conftest import TIMES, assembler, cycle, frame, run, stamps


def test_frame_of_an_unknown_stream_is_refused():
    with pytest.raises(ValueError, match='expected a frame of stream 0 to 0, got 1'):
        assembler().add(frame(0, 1, stream=1))


def test_cycle_that_falls_leaves_sorted_with_the_reference_asked_for():
    falling = assembler(exposure_times=TIMES[::-1], reference=1)
    [bracket] = run(falling, [frame(10 * k, counter=k) for k in range(3)])
    assert bracket.exposures == TIMES
    assert stamps(bracket) == [20, 10, 0]
    assert bracket.reference.exposure_time == TIMES[0]


def test_measured_times_win_over_nominal_ones():
    made = assembler(cycle_source='counter')
    measured = dataclasses.replace(frame(10, counter=1), exposure_time=0.0041)
    [bracket] = run(made, [frame(0, counter=0), measured, frame(20, counter=2)])
    assert bracket.exposures == (0.001, 0.0041, 0.016)
    assert bracket.frames[1] is measured


def test_nominal_times_of_topics_follow_the_topics():
    made = assembler(stream_count=3, cycle_gap=0.015)
    [bracket] = run(made, [frame(5 * k, stream=stream) for k, stream in enumerate((1, 0, 2))])
    assert stamps(bracket) == [5, 0, 10]
    assert bracket.exposures == TIMES


def test_single_bracket_in_a_bag_that_loops_still_comes_out_at_times():
    made = assembler()
    assert len(run(made, 12 * cycle(1))) == 4


def test_frame_that_comes_twice_is_a_duplicate():
    made = assembler()
    assert len(run(made, [f for f in cycle(4) for _ in range(2)])) == 4
    assert made.dropped == {'duplicate': 12}


def test_equal_exposures_are_invalid_and_named():
    made = assembler(cycle_source='counter')
    assert run(made, [frame(10 * k, exposure=1, counter=k) for k in range(3)]) == []
    assert made.dropped == {'invalid': 3}
    assert 'got 0.001 s twice' in made.take_complaint()


@pytest.mark.parametrize('change', [{'size': (3, 3)}, {'size': (2, 3, 3)}, {'dtype': np.uint16}])
def test_change_of_size_or_encoding_starts_anew(change):
    made = assembler()
    frames = [frame(10 * k, exposure=k % 3 + 1, counter=k, **(change if k > 3 else {}))
              for k in range(12)]
    assert [stamps(b)[0] for b in run(made, frames)] == [0, 60, 90]
    assert made.dropped == {'invalid': 1, 'superseded': 2}
    assert 'as before' in made.take_complaint()


def test_bracket_longer_than_max_span_is_invalid():
    slow = [frame(100 * k, exposure=k % 3 + 1, counter=k) for k in range(6)]
    assert len(run(assembler(max_span=0.2), slow)) == 2
    made = assembler(max_span=0.199)
    assert run(made, slow) == []
    assert made.dropped == {'invalid': 6}
    assert 'raise max_span' in made.take_complaint()


def test_frame_from_between_the_frames_of_a_bracket_makes_it_invalid():
    made = assembler(cycle_period=0.03)
    frames = [frame(10 * k, exposure=k % 3 + 1) for k in range(90)]
    frames.insert(62, frame(615, exposure=1))
    assert [stamps(b)[0] for b in run(made, frames)] == [30 * k for k in range(30) if k != 20]
    assert made.dropped == {'invalid': 4}
    assert 'got another between them' in made.take_complaint()


def test_bag_that_loops_gives_all_its_brackets_each_time():
    made = assembler()
    assert len(run(made, 5 * cycle(12))) == 60
    assert made.dropped.total() == 0


def test_bag_that_ends_and_begins_within_a_bracket_mixes_nothing():
    made = assembler()
    bag = cycle(12)[1:-1]
    brackets = run(made, 3 * bag)
    assert len(brackets) == 30
    assert all(stamps(b)[2] - stamps(b)[0] == 20 for b in brackets)


def test_one_old_frame_is_stale_and_disturbs_nothing():
    made = assembler()
    frames = cycle(20)
    assert len(run(made, [*frames[:46], frames[3], *frames[46:]])) == 20
    assert made.dropped == {'stale': 1}


def test_one_frame_from_the_future_costs_few_brackets():
    made = assembler()
    frames = cycle(30)
    frames[40] = frame(1e6, exposure=2, counter=40)
    assert len(run(made, frames)) >= 27
    assert made.add(frame(900, exposure=1, counter=90)) == []


def test_camera_restart_drops_what_was_begun():
    made = assembler()
    before = cycle(4)[:-1]
    after = [frame(2000 + 10 * k, exposure=(k + 1) % 3 + 1, counter=k) for k in range(14)]
    assert len(run(made, [*before, *after])) == 3 + 4
    assert made.dropped['superseded'] == 4
    assert made.held == 0


def test_reset_drops_what_is_held_and_forgets_no_camera():
    made = assembler()
    run(made, cycle(1)[:2])
    made.reset('time jump')
    assert made.dropped == {'incomplete': 2}
    assert made.held == 0
    assert len(run(made, cycle(3))) == 3


def test_frames_that_all_carry_one_stamp_still_have_their_counter():
    frames = [frame(0, exposure=k % 3 + 1, counter=k) for k in range(9)]
    assert len(run(assembler(), frames)) == 3


@pytest.mark.parametrize('turns', [False, True])
def test_frames_of_two_cameras_on_one_topic_meet_in_no_bracket(turns):
    made, both = assembler(), [cycle(1, turn) for turn in range(6)]
    names = 'left_1', 'right_1'
    if turns:
        frames = [dataclasses.replace(one, frame_id=name)
                  for turn in both for name in names for one in turn]
    else:
        frames = [dataclasses.replace(one, frame_id=name)
                  for turn in both for one in turn for name in names]
    brackets = run(made, frames)
    assert len(brackets) == (12 if turns else 0)
    for bracket in brackets:
        assert len({one.frame_id for one in bracket.frames}) == 1
    assert 'give each camera its own topic' in made.take_complaint()
    assert 3 * len(brackets) + sum(made.dropped.values()) + made.held == len(frames)


def test_a_camera_that_is_renamed_or_counts_in_its_frame_id_goes_on():
    made = assembler()
    frames = [dataclasses.replace(one, frame_id=f'{name}_{3 * turn + k:06}')
              for turn, name in enumerate(('old', 'old', 'new', 'new'))
              for k, one in enumerate(cycle(1, turn))]
    assert len(run(made, frames)) == 4
    assert not made.dropped
