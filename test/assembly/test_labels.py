# SPDX-License-Identifier: Apache-2.0
import dataclasses

from .conftest import assembler, frame, run, stamps


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


def test_exposure_that_was_not_configured_is_invalid_and_named():
    made = assembler()
    assert made.add(dataclasses.replace(frame(0, 1, 0), exposure_time=1.0)) == []
    assert made.dropped == {'invalid': 1}
    assert 'expected one of 0.001, 0.004, 0.016 s, got 1 s' in made.take_complaint()


def test_counter_that_stands_still_is_given_up():
    made = assembler()
    brackets = run(made, [frame(10 * k, exposure=k % 3 + 1, counter=0) for k in range(90)])
    assert [stamps(b)[0] for b in brackets[-20:]] == [30 * k for k in range(10, 30)]


def topics(turns, number, first_ms=0, lag=0):
    """One topic per exposure; `number(turn, topic)` is what each counts."""
    frames = [(30 * t + 10 * k + 30 * lag * (k == 2),
               frame(first_ms + 30 * t + 10 * k, counter=number(t, k), stream=k))
              for t in range(turns) for k in range(3)]
    return [f for _, f in sorted(frames, key=lambda item: item[0])]


def test_topics_with_one_counter_make_a_bracket_in_any_order_of_arrival():
    made = assembler(stream_count=3)
    frames = [frame(20, counter=4, stream=2), frame(0, counter=4), frame(10, counter=4, stream=1)]
    [bracket] = run(made, frames)
    assert made.source == 'topic'
    assert stamps(bracket) == [0, 10, 20]


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
    assert 'set exposure_times' in made.take_complaint()


def test_wrong_order_of_exposure_times_is_named():
    made = assembler(exposure_times=(0.001, 0.016, 0.004))
    assert run(made, [frame(10 * k, exposure=k % 3 + 1) for k in range(60)]) == []
    assert 'got [1, 3, 2]' in made.take_complaint()


def test_wrong_period_is_named():
    made = assembler(cycle_period=0.09)
    assert len(run(made, [frame(10 * k, exposure=k % 3 + 1) for k in range(60)])) < 6
    assert 'every 0.09 s, got 0.03 s; correct cycle_period' in made.take_complaint()
