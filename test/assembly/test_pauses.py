# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.assembly.pauses import PauseSorter
from ddfnet_ros.assembly.sorting import Drops, FrameError
from ddfnet_ros.bracket import Frame

from .conftest import assembler, run, stamps
from .conftest import frame as shot


def frame(stamp, stream=0):
    return Frame(pixels=np.zeros((1, 1), np.uint8), stamp_ns=1000 + stamp, stream=stream)


class Bench:
    """A sorter for bursts of 3, and all that it dropped; a gap of 15."""

    def __init__(self, topics=1):
        self.drops = Drops()
        self.bursts = []
        self.sorter = PauseSorter(3, topics, 15, self._finish, self.drops)

    def _finish(self, frames):
        self.bursts.append([frame.stamp_ns - 1000 for frame in frames])

    @property
    def dropped(self):
        return self.drops.counts

    def run(self, *stamps):
        """The bursts that came out, by their stamps."""
        self.bursts = []
        for stamp in stamps:
            try:
                self.sorter.add(frame(stamp))
            except FrameError as error:
                self.drops.reject(error, 1)
        return self.bursts


def test_whole_burst_comes_out_with_its_last_frame():
    assert Bench().run(0, 10, 20, 100, 110, 120) == [[0, 10, 20], [100, 110, 120]]


def test_burst_that_began_before_the_first_frame_does_not():
    bench = Bench()
    assert bench.run(10, 20, 100, 110, 120) == [[100, 110, 120]]
    assert bench.dropped['superseded'] == 2


def test_lost_frame_costs_its_burst_alone():
    bench = Bench()
    assert bench.run(0, 20, 100, 110, 120, 210, 220, 300, 310, 320) == [
        [100, 110, 120], [300, 310, 320]]
    assert bench.dropped['superseded'] == 4


def test_late_frame_finds_its_burst():
    # 0 and 20 are farther apart than the gap until 10 links them.
    assert Bench().run(0, 20, 10, 110, 100, 120) == [[0, 10, 20], [100, 110, 120]]
    assert Bench().run(0, 10, 100, 20, 110, 120) == [[0, 10, 20], [100, 110, 120]]


def test_frame_of_a_burst_long_over_is_stale():
    bench = Bench()
    bench.run(100, 110, 120, 0)
    assert bench.dropped == {'stale': 1}


def test_camera_that_does_not_pause_is_not_believed():
    bench = Bench()
    assert len(bench.run(*range(0, 1000, 10))) == 1
    assert bench.dropped['invalid'] == 97
    assert 'set cycle_gap' in bench.drops.take_complaint()


def test_camera_that_does_not_pause_is_not_believed_when_frames_are_lost():
    # Gaps by loss look like pauses: 1 in 5 frames is lost.
    bench = Bench()
    assert len(bench.run(*(s for s in range(0, 10_000, 10) if s % 50))) <= 1


def test_trust_returns_after_eight_right_bursts():
    bench = Bench()
    bench.run(0, 5, 10, 15)
    bursts = bench.run(*(100 * burst + s for burst in range(1, 12) for s in (0, 10, 20)))
    assert [burst[0] for burst in bursts] == [900, 1000, 1100]


def test_memory_is_bounded():
    bench = Bench()
    bench.run(*(100 * burst + s for burst in range(50) for s in (0, 10)))
    assert bench.sorter.held <= 6
    assert bench.dropped['incomplete'] == 100 - bench.sorter.held


def test_flush_drops_what_is_held():
    bench = Bench()
    bench.run(0, 10)
    bench.sorter.flush('incomplete')
    assert bench.dropped == {'incomplete': 2}
    assert bench.run(20, 100, 110, 120) == [[100, 110, 120]]


def test_burst_of_fewer_topics_is_none():
    bench = Bench(topics=3)
    for stamp, stream in ((0, 0), (10, 1), (20, 1)):
        bench.sorter.add(frame(stamp, stream))
    assert bench.bursts == []
    assert bench.dropped == {'invalid': 3}
    assert 'expected frames of 3 topics' in bench.drops.take_complaint()


# --- windows that slide ----------------------------------------------------------------------

def bursts(turns, moment=lambda turn: 100 * turn):
    """Three frames 10 ms apart, then a pause, by their place: (turn, place, frame)."""
    return [(t, k, shot(moment(t) + 10 * k)) for t in turns for k in range(3)]


def slid(frames, **settings):
    made = assembler(window='sliding', reference='latest', cycle_gap=0.03, **settings)
    windows = run(made, [frame for _, _, frame in frames])
    return made, [stamps(window) for window in windows]


def test_windows_slide_over_pauses_once_five_bursts_were_whole():
    _, windows = slid(bursts(range(8)))
    assert max(windows[0]) <= 420
    assert windows[-9:] == [
        [500, 410, 420], [500, 510, 420], [500, 510, 520], [600, 510, 520], [600, 610, 520],
        [600, 610, 620], [700, 610, 620], [700, 710, 620], [700, 710, 720]]


def test_known_period_needs_no_learning():
    _, windows = slid(bursts(range(4)), cycle_source='gap', cycle_period=0.1)
    assert windows[:4] == [[0, 10, 20], [100, 10, 20], [100, 110, 20], [100, 110, 120]]


@pytest.mark.parametrize('lost', [{(8, 0)}, {(8, 1)}, {(8, 2)}, {(8, 0), (8, 1), (8, 2)}])
def test_no_window_leaps_over_frames_that_were_lost(lost):
    frames = [item for item in bursts(range(12)) if item[:2] not in lost]
    _, windows = slid(frames)
    order = [100 * t + 10 * k for t in range(12) for k in range(3)]
    rows = [order[k:k + 3] for k in range(34)]
    assert all(sorted(window) in rows for window in windows)
    there = {100 * t + 10 * k for t, k, _ in frames}
    assert len([row for row in rows if row[0] >= 400 and there.issuperset(row)]) == len(
        [window for window in windows if min(window) >= 400])


def test_camera_that_shifts_its_pace_leaves_no_window_across_it():
    _, windows = slid(bursts(range(16), lambda t: 100 * t + 10 * (t >= 8)))
    assert not [window for window in windows if min(window) < 800 < max(window)]
    after = [window for window in windows if min(window) > 800]
    assert after[0] == [910, 920, 930]
    assert after[-1] == [1510, 1520, 1530]


def test_unsteady_pace_is_refused_with_a_remedy():
    made, windows = slid(bursts(range(60), lambda t: 100 * t + 37 * t * t % 60))
    assert len(windows) < 10  # of 178
    assert 'expected brackets at a steady pace' in made.take_complaint()


def test_pause_that_is_none_ends_trust():
    frames = bursts(range(10))
    frames[24:24] = [(8, k, shot(770 + 10 * k)) for k in range(3)]
    made, windows = slid(frames)
    assert max(max(window) for window in windows) < 810
    assert 'set cycle_gap' in made.take_complaint()


def test_frame_far_from_its_place_is_in_no_window():
    frames = bursts(range(12))
    frames[26] = 8, 2, shot(828)
    made, windows = slid(frames)
    assert not [window for window in windows if 828 in window]
    assert windows[-1] == [1100, 1110, 1120]
    assert 'between two exposures' in made.take_complaint()


def test_windows_slide_again_with_the_first_burst_after_time_jumped_back():
    frames = bursts(range(9)) + bursts(range(9), lambda turn: 37 + 100 * turn)
    _, windows = slid(frames)
    second = windows[windows.index([37, 47, 57]):]
    assert second[:3] == [[37, 47, 57], [137, 47, 57], [137, 147, 57]]
    assert len(second) == 25
