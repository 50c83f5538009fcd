# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.assembly.pauses import PauseSorter
from ddfnet_ros.assembly.sorting import Drops, FrameError
from ddfnet_ros.bracket import Frame


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
    assert 'set cycle_gap' in bench.drops.complaint


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
    assert 'expected frames of 3 topics' in bench.drops.complaint
