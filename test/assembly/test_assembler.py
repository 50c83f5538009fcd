# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bracket import Frame
from ddfnet_ros.settings import AssemblySettings

TIMES = (0.001, 0.004, 0.016)
MS = 1_000_000
START = 5_000 * MS


def frame(ms, exposure=None, counter=None, stream=0, size=(2, 3), dtype=np.uint8):
    """A frame `ms` milliseconds after the start; `exposure` counts from 1."""
    return Frame(
        pixels=np.zeros(size, dtype), stamp_ns=START + round(ms * MS), sequence_id=counter,
        exposure_time=TIMES[exposure - 1] if exposure else None, stream=stream)


def cycle(turns, first=0):
    """Frames with everything known of them, 10 ms apart, the cycle 30 ms long."""
    return [frame(30 * t + 10 * k, exposure=k + 1, counter=3 * t + k)
            for t in range(first, first + turns) for k in range(3)]


def assembler(stream_count=1, reference=0, **settings):
    settings.setdefault('exposure_times', TIMES)
    return BracketAssembler(AssemblySettings(**settings), stream_count, reference)


def run(made, frames):
    return [bracket for f in frames for bracket in made.add(f)]


def stamps(bracket):
    return [(f.stamp_ns - START) / MS for f in bracket.frames]


# --- where frames stand in the cycle ---------------------------------------------------------

@pytest.mark.parametrize(('source', 'settings', 'frames'), [
    ('metadata', {}, [frame(0, 1, 7), frame(10, 2, 8), frame(20, 3, 9)]),
    ('counter', {}, [frame(0, counter=3), frame(10, counter=4), frame(20, counter=5)]),
    ('phase', {'cycle_period': 0.03, 'cycle_offset': 0.02}, [frame(0), frame(10), frame(20)]),
    ('gap', {'cycle_gap': 0.015}, [frame(0), frame(10), frame(20)]),
])
def test_first_complete_bracket_comes_out_with_its_last_frame(source, settings, frames):
    made = assembler(**settings)
    assert made.add(frames[0]) == []
    assert made.add(frames[1]) == []
    [bracket] = made.add(frames[2])
    assert made.source == source
    assert bracket.exposures == TIMES
    assert stamps(bracket) == [0, 10, 20]
    assert made.held == 0


def test_topics_with_one_counter_make_a_bracket_in_any_order_of_arrival():
    made = assembler(stream_count=3)
    frames = [frame(20, counter=4, stream=2), frame(0, counter=4), frame(10, counter=4, stream=1)]
    [bracket] = run(made, frames)
    assert made.source == 'topic'
    assert stamps(bracket) == [0, 10, 20]


def test_best_source_wins_whatever_else_there_is():
    made = assembler(cycle_period=0.03, cycle_gap=0.015)
    run(made, [frame(0), frame(10), frame(20)])
    assert made.source == 'phase'
    run(made, [frame(30, counter=0), frame(40, counter=1)])
    assert made.source == 'counter'
    run(made, cycle(2, first=2))
    assert made.source == 'metadata'
    run(made, [frame(120, counter=12)])
    assert made.source == 'metadata'
    assert made.dropped['invalid'] == 1
    assert 'expected a frame with its exposure time' in made.complaint


def test_chosen_source_is_used_though_there_is_a_better_one():
    # Counted from 1, metadata would still find its way; the counter alone needs its offset.
    frames = [frame(10 * k, exposure=k % 3 + 1, counter=k + 1) for k in range(6)]
    assert len(run(assembler(), frames)) == 2
    assert [stamps(b) for b in run(assembler(cycle_source='counter'), frames)] == [[30, 40, 20]]
    right = assembler(cycle_source='counter', counter_offset=4)
    assert [stamps(b) for b in run(right, frames)] == [[0, 10, 20], [30, 40, 50]]


@pytest.mark.parametrize(('settings', 'first', 'message'), [
    ({}, frame(0), 'connect the camera.s exposure metadata, set cycle_period with cycle_offset'),
    ({'cycle_source': 'metadata'}, frame(0, counter=1), 'connect the camera.s exposure metadata'),
    ({'cycle_source': 'counter'}, frame(0, exposure=1), 'expected frames with a counter'),
    ({'exposure_times': ()}, frame(0, counter=1), 'set exposure_times'),
    ({'exposure_times': (), 'cycle_gap': 1.0}, frame(0), 'set exposure_times'),
])
def test_frames_that_nothing_places_are_refused_with_a_remedy(settings, first, message):
    made = assembler(**settings)
    for _ in range(3):
        with pytest.raises(ValueError, match=message):
            made.add(first)


@pytest.mark.parametrize(('streams', 'reference', 'settings', 'message'), [
    (2, 0, {}, r'one topic, or one per exposure \(3\), got 2 topics'),
    (1, 4, {}, 'reference: expected 1 to 3'),
    (10, 0, {'exposure_times': ()}, 'expected 2 to 9 exposures in a bracket, got 10'),
    (3, 0, {'cycle_source': 'phase', 'cycle_period': 1.0}, 'cycle_source: .* got phase'),
    (3, 0, {'cycle_source': 'metadata'}, 'cycle_source: .* got metadata'),
    (1, 0, {'cycle_source': 'topic'}, 'cycle_source: .* got topic'),
])
def test_settings_that_cannot_work_are_refused(streams, reference, settings, message):
    with pytest.raises(ValueError, match=message):
        assembler(streams, reference, **settings)


def test_frame_of_an_unknown_stream_is_refused():
    with pytest.raises(ValueError, match='expected a frame of stream 0 to 0, got 1'):
        assembler().add(frame(0, 1, stream=1))


def test_number_of_topics_decides_the_size_where_nothing_else_does():
    made = assembler(stream_count=2, exposure_times=(), bracket_size=3)
    frames = [frame(10 * k, exposure=k + 1, counter=0, stream=k) for k in range(2)]
    assert len(run(made, frames)) == 1


# --- what comes out --------------------------------------------------------------------------

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


def test_gain_brackets_are_told_apart_without_configured_times():
    made = assembler(exposure_times=())
    frames = [dataclasses.replace(frame(10 * k, 1, k), gain=4.0 ** (k % 3)) for k in range(12)]
    assert [stamps(b) for b in run(made, frames)] == [[30 * k, 30 * k + 10, 30 * k + 20]
                                                      for k in range(4)]


def test_rhythm_is_learned_once_and_survives_a_loop():
    # Without counter or period: the bracket that ends the fifth turn is the first to come out.
    bag = [frame(10 * k, exposure=k % 3 + 1) for k in range(60)]
    made = assembler()
    assert len(run(made, bag)) == 20 - 4
    assert len(run(made, bag)) == 20
    assert made.dropped == {'incomplete': 8, 'superseded': 4}


def test_single_bracket_in_a_bag_that_loops_still_comes_out_at_times():
    made = assembler()
    assert len(run(made, 12 * cycle(1))) == 4


# --- what is dropped, and why ----------------------------------------------------------------

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


def test_frame_that_comes_twice_is_a_duplicate():
    made = assembler()
    assert len(run(made, [f for f in cycle(4) for _ in range(2)])) == 4
    assert made.dropped == {'duplicate': 12}


def test_two_frames_of_one_exposure_in_a_turn_spoil_it():
    made = assembler()
    a, b, c, *newer = cycle(2)
    twin = frame(5, exposure=1, counter=0)
    assert len(run(made, [a, twin, b, c, *newer])) == 1
    assert made.dropped == {'invalid': 4}
    assert 'got two of one' in made.complaint


def test_equal_exposures_are_invalid_and_named():
    made = assembler(cycle_source='counter')
    assert run(made, [frame(10 * k, exposure=1, counter=k) for k in range(3)]) == []
    assert made.dropped == {'invalid': 3}
    assert 'got 0.001 s twice' in made.complaint


def test_exposure_that_was_not_configured_is_invalid_and_named():
    made = assembler()
    assert made.add(dataclasses.replace(frame(0, 1, 0), exposure_time=1.0)) == []
    assert made.dropped == {'invalid': 1}
    assert 'expected one of 0.001, 0.004, 0.016 s, got 1 s' in made.complaint


@pytest.mark.parametrize('change', [{'size': (3, 3)}, {'size': (2, 3, 3)}, {'dtype': np.uint16}])
def test_change_of_size_or_encoding_starts_anew(change):
    made = assembler()
    frames = [frame(10 * k, exposure=k % 3 + 1, counter=k, **(change if k > 3 else {}))
              for k in range(12)]
    assert [stamps(b)[0] for b in run(made, frames)] == [0, 60, 90]
    assert made.dropped == {'invalid': 1, 'superseded': 2}
    assert 'as before' in made.complaint


def test_bracket_longer_than_max_span_is_invalid():
    slow = [frame(100 * k, exposure=k % 3 + 1, counter=k) for k in range(6)]
    assert len(run(assembler(max_span=0.2), slow)) == 2
    made = assembler(max_span=0.199)
    assert run(made, slow) == []
    assert made.dropped == {'invalid': 6}
    assert 'raise max_span' in made.complaint


def test_frame_from_between_the_frames_of_a_bracket_makes_it_invalid():
    made = assembler(cycle_period=0.03)
    frames = [frame(10 * k, exposure=k % 3 + 1) for k in range(90)]
    frames.insert(62, frame(615, exposure=1))
    assert [stamps(b)[0] for b in run(made, frames)] == [30 * k for k in range(30) if k != 20]
    assert made.dropped == {'invalid': 4}
    assert 'got another between them' in made.complaint


# --- jumps of time, restarts, resets ---------------------------------------------------------

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


def test_counter_that_stands_still_is_given_up():
    made = assembler()
    brackets = run(made, [frame(10 * k, exposure=k % 3 + 1, counter=0) for k in range(90)])
    assert [stamps(b)[0] for b in brackets[-20:]] == [30 * k for k in range(10, 30)]


# --- topics ----------------------------------------------------------------------------------

def topics(turns, number, first_ms=0, lag=0):
    """One topic per exposure; `number(turn, topic)` is what each counts."""
    frames = [(30 * t + 10 * k + 30 * lag * (k == 2),
               frame(first_ms + 30 * t + 10 * k, counter=number(t, k), stream=k))
              for t in range(turns) for k in range(3)]
    return [f for _, f in sorted(frames, key=lambda item: item[0])]


def test_topic_that_lags_by_two_turns_is_waited_for():
    made = assembler(stream_count=3)
    assert len(run(made, topics(20, lambda turn, _: turn, lag=2))) == 20


def test_topics_counted_by_one_counter_for_all_are_joined_by_their_rhythm():
    made = assembler(stream_count=3)
    brackets = run(made, topics(40, lambda turn, topic: 3 * turn + topic))
    assert len(brackets) >= 30
    assert all(stamps(b)[2] - stamps(b)[0] == 20 for b in brackets)


def test_topics_counted_by_one_counter_for_all_can_be_told_so():
    made = assembler(stream_count=3, cycle_source='counter')
    assert len(run(made, topics(40, lambda turn, topic: 3 * turn + topic))) == 40


def test_topics_whose_counters_slipped_by_a_turn_are_joined_by_their_rhythm():
    # The long exposure's topic began to count a turn earlier than the others.
    made = assembler(stream_count=3)
    brackets = run(made, topics(40, lambda turn, topic: turn + (topic == 2)))
    assert len(brackets) >= 25
    assert all(stamps(b)[2] - stamps(b)[0] == 20 for b in brackets)
    assert made.dropped['invalid'] > 0


def test_simultaneous_topics_may_come_in_any_order():
    made = assembler(stream_count=3)
    frames = [frame(30 * t + (t * 7 + k * 5) % 3 * 0.5, counter=t, stream=k)
              for t in range(30) for k in range(3)]
    assert len(run(made, frames)) >= 28


def test_topics_out_of_the_order_of_the_cycle_are_found_by_its_pause():
    # Taken long, short, middle; then the camera rests.
    made = assembler(stream_count=3)
    brackets = run(made, [frame(100 * t + delay, stream=k)
                          for t in range(30) for delay, k in ((0, 2), (10, 0), (20, 1))])
    assert len(brackets) >= 20
    assert all(max(stamps(b)) - min(stamps(b)) == 20 for b in brackets)


def test_cycle_that_begins_nowhere_is_refused_with_a_remedy():
    # 4 1 3 2, evenly spaced, and nothing configured.
    made = assembler(exposure_times=(), bracket_size=4)
    order = [0.008, 0.001, 0.004, 0.002]
    frames = [dataclasses.replace(frame(10 * k), exposure_time=order[k % 4]) for k in range(80)]
    assert run(made, frames) == []
    assert made.dropped['invalid'] > 0
    assert 'set exposure_times' in made.complaint


def test_wrong_order_of_exposure_times_is_named():
    made = assembler(exposure_times=(0.001, 0.016, 0.004))
    assert run(made, [frame(10 * k, exposure=k % 3 + 1) for k in range(60)]) == []
    assert 'got [1, 3, 2]' in made.complaint


def test_wrong_period_is_named():
    made = assembler(cycle_period=0.09)
    assert len(run(made, [frame(10 * k, exposure=k % 3 + 1) for k in range(60)])) < 6
    assert 'every 0.09 s, got 0.03 s; correct cycle_period' in made.complaint
