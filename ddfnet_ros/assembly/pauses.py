# SPDX-License-Identifier: Apache-2.0
"""Frames without a place of their own: a pause in time parts one bracket from the next."""

from __future__ import annotations

from typing import NoReturn

from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drop, FrameError
from ddfnet_ros.bracket import Frame

_PROBATION = 8  # bursts that must hold exactly N frames after one that held more


class PauseSorter:
    """Sorts frames into bursts: any two frames nearer than a gap are of one burst.

    A lost frame only makes a burst smaller or cuts it, so one that has N frames is whole,
    provided that the camera does pause for longer than the gap. A burst of more than N frames
    shows that it does not; then nothing is believed until bursts have been right for a while.
    """

    def __init__(self, size: int, topics: int, gap_ns: float, drop: Drop) -> None:
        """Take frames and topics of a bracket, the longest time between two of its frames."""
        self._size, self._topics, self._gap_ns, self._drop = size, topics, gap_ns, drop
        self._bursts: list[list[Frame]] = []  # the open ones, oldest first, each by stamp
        self._last: tuple[int, int] | None = None  # begin and end of the burst given last
        self._probation = 0

    @property
    def held(self) -> int:
        """Frames that wait for others."""
        return sum(map(len, self._bursts))

    def add(self, frame: Frame) -> list[Frame] | None:
        """Take a frame; give a whole burst, sorted by topic, else by stamp."""
        self._check_last(frame.stamp_ns)
        burst = self._join(frame)
        if len(burst) > self._size:
            self._refuse(burst)
        if len(self._bursts) > OPEN_TURNS:
            self._drop('incomplete', len(self._bursts.pop(0)))
        return self._give()

    def _check_last(self, stamp_ns: int) -> None:
        if self._last is None:
            return
        begin_ns, end_ns = self._last
        if begin_ns - self._gap_ns <= stamp_ns <= end_ns + self._gap_ns:
            self._probation = _PROBATION
            self._last = min(begin_ns, stamp_ns), max(end_ns, stamp_ns)
            raise FrameError('invalid', self._complaint())
        if stamp_ns < begin_ns:
            raise FrameError('stale', 'the bracket of this frame is over')

    def _join(self, frame: Frame) -> list[Frame]:
        """Put a frame where it belongs; it may be the missing link of two bursts."""
        near = [burst for burst in self._bursts
                if burst[0].stamp_ns - self._gap_ns <= frame.stamp_ns
                <= burst[-1].stamp_ns + self._gap_ns]
        joined = sorted([frame, *(other for burst in near for other in burst)],
                        key=lambda member: member.stamp_ns)
        self._bursts = sorted([*(burst for burst in self._bursts if burst not in near), joined],
                              key=lambda burst: burst[0].stamp_ns)
        return joined

    def _refuse(self, burst: list[Frame]) -> NoReturn:
        self._bursts.remove(burst)
        self._drop('invalid', len(burst) - 1)
        self._last = burst[0].stamp_ns, burst[-1].stamp_ns
        self._probation = _PROBATION
        raise FrameError('invalid', self._complaint())

    def _complaint(self) -> str:
        return (f'expected {self._size} frames between two pauses of {self._gap_ns * 1e-9:g} s, '
                'got more; set cycle_gap between the longest interval in a bracket and the pause '
                'after it')

    def _give(self) -> list[Frame] | None:
        """The newest whole burst; on probation none, and only closed ones count."""
        for k in reversed(range(len(self._bursts))):
            burst = self._bursts[k]
            if len(burst) < self._size or (self._probation and k == len(self._bursts) - 1):
                continue
            self._drop('superseded', sum(map(len, self._bursts[:k])))
            self._bursts = self._bursts[k + 1:]
            self._last = burst[0].stamp_ns, burst[-1].stamp_ns
            if not self._probation:
                return sorted(burst, key=lambda member: (member.stream, member.stamp_ns))
            self._probation -= 1
            self._drop('invalid', self._size)
        return None

    def accept(self, frames: list[Frame]) -> None:
        """Check what `add` gave; raises FrameError."""
        topics = len({frame.stream for frame in frames})
        if topics != self._topics:
            raise FrameError('invalid', f'expected frames of {self._topics} topics between two '
                             f'pauses, got {topics}; check cycle_gap')

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was."""
        self._drop(reason, self.held)
        self._bursts.clear()
        self._last = None
