# SPDX-License-Identifier: Apache-2.0
"""Places by nothing but a frame counter."""

from __future__ import annotations

from ddfnet_ros.assembly.counting import FrameCounter
from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.turns import Sighting, Spot
from ddfnet_ros.bracket import Frame


class CounterPlacer:
    """Divides one counter of all frames by the size of a bracket."""

    ready = True

    def __init__(self, size: int, offset: int, by_topic: bool) -> None:
        """Take the size, the counter of any first frame, whether topics are places."""
        self._size, self._offset, self._by_topic = size, offset, by_topic
        self._counter = FrameCounter(size)

    def see(self, frame: Frame) -> Sighting:
        """Follow the counter; raises FrameError."""
        if frame.sequence_id is None:
            raise FrameError('invalid', 'expected a frame with a counter, got none')
        return Sighting(frame, *self._counter.read(frame.sequence_id, frame.stamp_ns))

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame."""
        turn, place = divmod(sighting.number - self._offset, self._size)
        return Spot((sighting.epoch, turn), sighting.frame.stream if self._by_topic else place)

    def accept(self, frames: list[Frame]) -> None:
        """Nothing more to check."""

    def restart(self) -> None:
        """The counter may go on anywhere."""
        self._counter.jump()
