# SPDX-License-Identifier: Apache-2.0
import pytest

from .conftest import TIMES, assembler, cycle, frame, run, stamps


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
    assert 'expected a frame with its exposure time' in made.take_complaint()


def test_chosen_source_is_used_though_there_is_a_better_one():
    # Counted from 1, metadata would still find its way; the counter alone needs its offset.
    frames = [frame(10 * k, exposure=k % 3 + 1, counter=k + 1) for k in range(6)]
    assert len(run(assembler(), frames)) == 2
    assert [stamps(b) for b in run(assembler(cycle_source='counter'), frames)] == [[30, 40, 20]]
    right = assembler(cycle_source='counter', counter_offset=4)
    assert [stamps(b) for b in run(right, frames)] == [[0, 10, 20], [30, 40, 50]]


@pytest.mark.parametrize(('settings', 'first', 'message'), [
    ({}, frame(0), r'metadata \(exposure_source\), set cycle_period with cycle_offset'),
    ({'cycle_source': 'metadata'}, frame(0, counter=1), r'exposure metadata \(exposure_source\)'),
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


def test_number_of_topics_decides_the_size_where_nothing_else_does():
    made = assembler(stream_count=2, exposure_times=(), bracket_size=3)
    frames = [frame(10 * k, exposure=k + 1, counter=0, stream=k) for k in range(2)]
    assert len(run(made, frames)) == 1
