# SPDX-License-Identifier: Apache-2.0
"""Frames whose turn and place are known, collected until a turn has all its places."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drop, FrameError
from ddfnet_ros.bracket import Frame

Key = tuple[int, int]  # epoch, then anything that grows by the turn


class Sighting(NamedTuple):
    """A frame, and its counter without wrap-around where that is in use."""

    frame: Frame
    epoch: int = 0
    number: int = 0


class Spot(NamedTuple):
    """Where a frame belongs."""

    turn: Key
    place: int


class Placer(Protocol):
    """Tells the turn and the place of a frame."""

    @property
    def ready(self) -> bool:
        """Whether `locate` can be asked yet."""

    def see(self, frame: Frame) -> Sighting:
        """Learn from a frame, once each, in the order of arrival; raises FrameError."""

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame that was seen before; raises FrameError."""

    def accept(self, frames: list[Frame]) -> None:
        """Check a complete turn; raises FrameError."""

    def restart(self) -> None:
        """Time jumped: compare nothing to come with what was."""


class TurnSorter:
    """Sorts by what a `Placer` says; frames wait while it is still learning."""

    def __init__(self, size: int, placer: Placer, drop: Drop) -> None:
        """Take the number of frames in a bracket, the placer, and where drops are counted."""
        self._size, self._placer, self._drop = size, placer, drop
        self._waiting: deque[Sighting] = deque()
        self._open: dict[Key, dict[int, Frame] | None] = {}  # None: spoiled
        self._floor: Key | None = None  # turns up to this one are over

    @property
    def held(self) -> int:
        """Frames that wait for others."""
        return len(self._waiting) + sum(len(turn or ()) for turn in self._open.values())

    def add(self, frame: Frame) -> list[Frame] | None:
        """Take a frame; give a complete turn's frames, sorted by place."""
        self._waiting.append(self._placer.see(frame))
        if not self._placer.ready:
            if len(self._waiting) > 2 * self._size:
                self._waiting.popleft()
                self._drop('incomplete', 1)
            return None
        complete = None
        while len(self._waiting) > 1:
            complete = self._newest(complete, self._try(self._waiting.popleft()))
        last = self._waiting.popleft()  # the frame just added
        return self._newest(complete, self._try(last) if complete else self._place(last))

    def _newest(self, older: list[Frame] | None, newer: list[Frame] | None) -> list[Frame] | None:
        if older and newer:
            self._drop('superseded', self._size)
        return newer or older

    def _try(self, sighting: Sighting) -> list[Frame] | None:
        try:
            return self._place(sighting)
        except FrameError as rejected:
            self._drop(rejected.reason, 1)
            return None

    def _place(self, sighting: Sighting) -> list[Frame] | None:
        return self._put(self._placer.locate(sighting), sighting.frame)

    def _put(self, spot: Spot, frame: Frame) -> list[Frame] | None:
        if self._floor is not None and spot.turn <= self._floor:
            raise FrameError('stale', 'the bracket of this frame is over')
        if spot.turn not in self._open:
            self._open[spot.turn] = {}
            self._close_oldest(spot.turn)
        turn = self._open[spot.turn]
        if turn is None or spot.place in turn:
            # Two frames of one place: which of them is of this turn, nobody knows.
            self._drop('invalid', len(turn or ()))
            self._open[spot.turn] = None
            raise FrameError('invalid', 'expected one frame of each exposure in a turn, got two '
                             'of one; check cycle_source and its settings')
        turn[spot.place] = frame
        if len(turn) < self._size:
            return None
        del self._open[spot.turn]
        self._end(spot.turn, 'superseded')
        return [turn[place] for place in sorted(turn)]

    def _close_oldest(self, newcomer: Key) -> None:
        if len(self._open) > OPEN_TURNS:
            oldest = min(self._open)
            if oldest == newcomer:
                del self._open[newcomer]
                raise FrameError('stale', 'the bracket of this frame is over')
            self._end(oldest, 'incomplete')

    def _end(self, last: Key, reason: str) -> None:
        """Close all turns up to one."""
        for key in [key for key in self._open if key <= last]:
            self._drop(reason, len(self._open.pop(key) or ()))
        self._floor = last

    def accept(self, frames: list[Frame]) -> None:
        """Check what `add` gave; raises FrameError."""
        self._placer.accept(frames)

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was."""
        self._drop(reason, self.held)
        self._waiting.clear()
        self._open.clear()
        self._floor = None
        self._placer.restart()
