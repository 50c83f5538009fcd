# SPDX-License-Identifier: Apache-2.0
"""Frames whose place in the camera's sequence is known, collected until a window has them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, Finish, FrameError
from ddfnet_ros.bracket import Bracket, Frame

_TWICE = ('expected one frame of each exposure in a bracket, got two of one; check cycle_source '
          'and its settings')


class Sighting(NamedTuple):
    """A frame, and its counter without wrap-around where that is in use."""

    frame: Frame
    epoch: int = 0
    number: int = 0


class Spot(NamedTuple):
    """Where a frame stands.

    Attributes:
        epoch: Rises whenever ordinals begin anew.
        ordinal: Rises by one with every exposure that the camera takes, whether it arrives or not.
        position: In the turn of the cycle, by time, from 0.
        place: In the exposure settings, from 0.
    """

    epoch: int
    ordinal: int
    position: int
    place: int


class Placer(Protocol):
    """Tells where a frame stands."""

    @property
    def ready(self) -> bool:
        """Whether `locate` can be asked yet."""

    def see(self, frame: Frame) -> Sighting:
        """Learn from a frame, once each, in the order of arrival; raises FrameError."""

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame that was seen before; raises FrameError."""

    def accept(self, frames: list[Frame]) -> None:
        """Check frames that follow each other by their ordinals; raises FrameError."""

    def restart(self) -> None:
        """Time jumped: compare nothing to come with what was."""


Key = tuple[int, int]  # epoch, ordinal of the window's first frame


@dataclass(eq=False)
class _Member:
    """A frame in one window or, where these slide, in several."""

    frame: Frame
    place: int
    windows: int = 0  # open ones that it is in
    given: bool = False  # in a bracket


class WindowSorter:
    """Sorts by what a `Placer` says; frames wait while it is still learning.

    A window has N frames that follow each other. In a cycle it begins with the first frame of
    each turn, so that every frame is in one; sliding, it begins with every frame.
    """

    def __init__(self, size: int, placer: Placer, sliding: bool, finish: Finish,
                 drops: Drops) -> None:
        """Take the number of frames in a bracket, what places them, and where they go."""
        self._size, self._placer, self._sliding = size, placer, sliding
        self._finish, self._drops = finish, drops
        self._most_open = OPEN_TURNS * (size if sliding else 1)
        self._waiting: deque[Sighting] = deque()
        self._open: dict[Key, dict[int, _Member] | None] = {}  # by ordinal; None: spoiled
        self._floor: Key | None = None  # windows up to this one are over

    @property
    def held(self) -> int:
        """Frames that wait for others and were in no bracket yet."""
        members = {member for window in self._open.values() for member in (window or {}).values()}
        return len(self._waiting) + sum(not member.given for member in members)

    def add(self, frame: Frame) -> list[Bracket]:
        """Take a frame; give what it completes; raises FrameError."""
        self._waiting.append(self._placer.see(frame))
        if not self._placer.ready:
            if len(self._waiting) > 2 * self._size:
                self._waiting.popleft()
                self._drops.count('incomplete', 1)
            return []
        complete: list[Bracket] = []
        while len(self._waiting) > 1:
            complete += self._try(self._waiting.popleft())
        last = self._waiting.popleft()  # the frame just added
        complete += self._try(last) if complete else self._place(last)
        return complete if self._sliding else self._newest(complete)

    def _newest(self, turns: list[Bracket]) -> list[Bracket]:
        """Of turns that waited while the placer learned, only the last is of use."""
        self._drops.count('superseded', self._size * len(turns[:-1]))
        return turns[-1:]

    def _try(self, sighting: Sighting) -> list[Bracket]:
        try:
            return self._place(sighting)
        except FrameError as rejected:
            self._drops.reject(rejected, 1)
            return []

    def _place(self, sighting: Sighting) -> list[Bracket]:
        spot = self._placer.locate(sighting)
        keys = self._opened(spot)
        self._put(_Member(sighting.frame, spot.place), spot.ordinal, keys)
        whole = [key for key in keys if len(self._open[key] or ()) == self._size]
        return [bracket for key in whole if (bracket := self._complete(key))]

    def _opened(self, spot: Spot) -> list[Key]:
        """The windows that a frame belongs to and that are not over; raises FrameError."""
        firsts = (range(spot.ordinal - self._size + 1, spot.ordinal + 1) if self._sliding
                  else [spot.ordinal - spot.position])
        keys = [(spot.epoch, first) for first in firsts]
        for key in keys:
            if self._floor is None or key > self._floor:
                self._open.setdefault(key, {})
        while len(self._open) > self._most_open:
            self._end(min(self._open), 'incomplete')
        keys = [key for key in keys if key in self._open]
        if not keys:
            raise FrameError('stale', 'the bracket of this frame is over')
        return keys

    def _put(self, member: _Member, ordinal: int, keys: Iterable[Key]) -> None:
        for key in keys:
            window = self._open[key]
            if window is not None and ordinal in window:
                # Two frames of one place: which of them belongs there, nobody knows.
                self._release(window.values(), 'invalid')
                self._open[key] = None
            elif window is not None:
                window[ordinal] = member
                member.windows += 1
        if not member.windows:
            raise FrameError('invalid', _TWICE)

    def _complete(self, key: Key) -> Bracket | None:
        window = self._open.pop(key) or {}
        self._end(key, 'superseded')
        members = [window[ordinal] for ordinal in sorted(window)]
        bracket, reason = None, 'superseded'
        try:
            bracket = self._made(members)
        except FrameError as rejected:
            self._drops.reject(rejected, 0)  # frames may still be of use in other windows
            reason = rejected.reason
        for member in members:
            member.given |= bracket is not None
        self._release(members, reason)
        return bracket

    def _made(self, members: list[_Member]) -> Bracket | None:
        """The bracket of frames that follow each other; raises FrameError."""
        if len({member.place for member in members}) < self._size:
            raise FrameError('invalid', _TWICE)
        self._placer.accept([member.frame for member in members])
        in_place = sorted(members, key=lambda member: member.place)
        return self._finish([member.frame for member in in_place])

    def _end(self, last: Key, reason: str) -> None:
        """Close all windows up to one."""
        for key in sorted(key for key in self._open if key <= last):
            self._release((self._open.pop(key) or {}).values(), reason)
        self._floor = last

    def _release(self, members: Iterable[_Member], reason: str) -> None:
        """A window lets its frames go; those that no other one has are dropped, unless given."""
        for member in members:
            member.windows -= 1
            self._drops.count(reason, not (member.windows or member.given))

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was."""
        self._drops.count(reason, self.held)
        self._waiting.clear()
        self._open.clear()
        self._floor = None
        self._placer.restart()
