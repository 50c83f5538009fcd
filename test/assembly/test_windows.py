# SPDX-License-Identifier: Apache-2.0
import dataclasses

from ddfnet_ros.assembly.sorting import Drops, FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot, WindowSorter

from .conftest import TIMES, assembler, cycle, frame, run, stamps


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
    assert 'got two of one' in made.take_complaint()


class Learner:
    """Places frames by their counter, once it has seen three; the first one it does not know."""

    seen = 0

    @property
    def ready(self):
        return self.seen >= 3

    def see(self, frame):
        self.seen += 1
        return Sighting(frame)

    def locate(self, sighting):
        number = sighting.frame.sequence_id
        if number == 0:
            raise FrameError('invalid', 'no known exposure')
        return Spot(0, number, number % 3, number % 3)


def test_a_frame_that_is_refused_after_it_waited_still_tells_why():
    drops = Drops()
    sorter = WindowSorter(3, Learner(), sliding=False, finish=lambda _: None, drops=drops)
    assert run(sorter, cycle(1)) == []
    assert drops.counts == {'invalid': 1}
    assert drops.take_complaint() == 'no known exposure'


# --- windows that slide ----------------------------------------------------------------------

def sliding(reference='latest', **settings):
    return assembler(window='sliding', reference=reference, **settings)


def test_every_frame_completes_a_window_once_there_are_enough():
    made = sliding()
    counts = [len(made.add(f)) for f in cycle(4)]
    assert counts == [0, 0] + 10 * [1]
    assert made.dropped.total() == 0
    assert made.held == 0


def test_window_is_sorted_by_exposure_and_its_newest_frame_is_the_reference():
    windows = run(sliding(), cycle(2))
    assert [window.exposures for window in windows] == 4 * [TIMES]
    assert [stamps(window) for window in windows] == [
        [0, 10, 20], [30, 10, 20], [30, 40, 20], [30, 40, 50]]
    assert [window.reference.exposure_time for window in windows] == [
        TIMES[2], TIMES[0], TIMES[1], TIMES[2]]


def test_nominal_times_follow_the_place_in_the_cycle():
    windows = run(sliding(), [frame(10 * k, counter=k) for k in range(5)])
    assert [stamps(window) for window in windows] == [[0, 10, 20], [30, 10, 20], [30, 40, 20]]
    assert [window.exposures for window in windows] == 3 * [TIMES]


def test_fixed_reference_comes_once_and_as_soon_as_it_can():
    made = sliding(reference=2)
    came = {f.stamp_ns: brackets[0].reference.stamp_ns
            for f in cycle(4) if (brackets := made.add(f))}
    first, *later = came.items()
    assert first[0] - first[1] == 10_000_000  # nothing but the first turn has that frame
    assert [arrived - stamp for arrived, stamp in later] == [0, 0, 0]
    assert made.dropped.total() == 0


def test_late_frame_completes_all_windows_that_waited_for_it():
    frames = cycle(3)
    late = frames.pop(3)
    made = sliding()
    assert len(run(made, frames[:5])) == 1
    assert [window.reference.stamp_ns for window in made.add(late)] == [
        late.stamp_ns, frames[3].stamp_ns, frames[4].stamp_ns]
    assert len(run(made, frames[5:])) == 3
    assert made.dropped.total() == 0


def test_lost_frame_costs_the_windows_that_have_it():
    made = sliding()
    windows = run(made, [f for f in cycle(6) if f.sequence_id != 8])
    newest = [int(window.reference.stamp_ns / 1e7) - 500 for window in windows]
    assert newest == [2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17]
    assert made.dropped.total() == 0


def test_frame_between_two_lost_ones_is_in_no_window():
    made = sliding()
    windows = run(made, [f for f in cycle(9) if f.sequence_id not in (8, 11)])
    assert len(windows) == 27 - 2 - 6
    assert made.dropped == {'superseded': 2}


def test_frame_that_comes_after_newer_windows_is_stale():
    frames = cycle(4)
    late = frames.pop(3)
    made = sliding()
    assert len(run(made, [*frames, late])) == 1 + 6
    assert made.dropped == {'stale': 1}


def test_two_frames_of_one_place_spoil_all_windows_that_have_it():
    frames = cycle(5)
    frames.insert(8, frame(75, exposure=2, counter=7))
    made = sliding()
    windows = run(made, frames)
    assert [max(stamps(window)) for window in windows] == [20, 30, 40, 50, 60, 70, 100, 110, 120,
                                                           130, 140]
    assert made.dropped == {'invalid': 1}
    assert 'got two of one' in made.take_complaint()


def test_exposure_that_comes_twice_in_a_window_makes_it_invalid():
    # The camera jumps from the first exposure to the first one of the next turn.
    frames = [frame(10 * k, exposure=label, counter=k)
              for k, label in enumerate((1, 2, 3, 1, 1, 2, 3, 1))]
    made = sliding()
    assert [max(stamps(window)) for window in run(made, frames)] == [20, 30, 60, 70]
    assert 'got two of one' in made.take_complaint()
    assert made.dropped.total() == 0


def test_window_longer_than_max_span_is_invalid():
    slow = [frame(100 * k, exposure=k % 3 + 1, counter=k) for k in range(6)]
    made = sliding(max_span=0.199)
    assert run(made, slow) == []
    assert made.dropped == {'invalid': 4}
    assert made.held == 2
    assert len(run(sliding(max_span=0.2), slow)) == 4


def test_change_of_size_leaves_no_window_across_it():
    made = sliding()
    frames = [frame(10 * k, exposure=k % 3 + 1, counter=k, size=(3, 3) if k > 3 else (2, 3))
              for k in range(9)]
    assert [max(stamps(window)) for window in run(made, frames)] == [20, 30, 60, 70, 80]


def test_bag_that_loops_gives_all_its_windows_each_time_and_none_across():
    made = sliding()
    windows = run(made, 3 * cycle(12))
    assert len(windows) == 3 * 34
    assert all(max(stamps(window)) - min(stamps(window)) == 20 for window in windows)


def test_windows_slide_over_topics_that_lag():
    frames = [(30 * t + 10 * k + 60 * (k == 2), frame(30 * t + 10 * k, counter=t, stream=k))
              for t in range(20) for k in range(3)]
    made = assembler(stream_count=3, window='sliding', reference='latest')
    windows = run(made, [f for _, f in sorted(frames, key=lambda item: item[0])])
    assert [max(stamps(window)) for window in windows] == list(range(20, 600, 10))


def test_cycle_that_begins_nowhere_still_slides():
    # 4 1 3 2, evenly spaced, and nothing configured.
    made = assembler(exposure_times=(), bracket_size=4, window='sliding', reference='latest')
    order = [0.008, 0.001, 0.004, 0.002]
    frames = [dataclasses.replace(frame(10 * k), exposure_time=order[k % 4]) for k in range(80)]
    assert len(run(made, frames)) > 60


def test_topics_whose_counters_slipped_by_a_turn_slide_by_their_rhythm():
    made = assembler(stream_count=3, window='sliding', reference='latest')
    frames = [frame(30 * t + 10 * k, counter=t + (k == 2), stream=k)
              for t in range(40) for k in range(3)]
    windows = run(made, frames)
    assert len(windows) >= 80
    assert all(max(stamps(window)) - min(stamps(window)) == 20 for window in windows)


def test_camera_that_restarts_slides_again_at_once():
    after = [frame(2000 + 10 * k, exposure=(k + 1) % 3 + 1, counter=k) for k in range(14)]
    windows = run(sliding(), [*cycle(4)[:-1], *after])
    assert [max(stamps(window)) for window in windows] == [
        *range(20, 110, 10), *range(2020, 2140, 10)]


def test_counters_of_topics_are_left_alone_where_pauses_are_asked_for():
    # Each topic counts from somewhere else.
    made = assembler(stream_count=3, window='sliding', reference='latest', cycle_source='gap',
                     cycle_gap=0.03)
    frames = [frame(100 * t + 10 * k, counter=t + (k == 2), stream=k)
              for t in range(20) for k in range(3)]
    assert len(run(made, frames)) > 40
    assert made.take_complaint() == ''
