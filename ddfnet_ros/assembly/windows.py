# SPDX-License-Identifier: Apache-2.0
"""Collect frames whose place in the camera's sequence is known until a window is complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, Finish, FrameError
from ddfnet_ros.bracket import Bracket, Frame

_TWO_OF_ONE = ('expected one frame of each exposure in a bracket, got two of one; check '
               'cycle_source and its settings')


class Sighting(NamedTuple):
    """A frame and, if counters are used, its unwrapped counter."""

    frame: Frame
    epoch: int = 0
    number: int = 0


class Spot(NamedTuple):
    """The place of a frame in the camera's sequence.

    Attributes:
        epoch: Increases whenever ordinals begin anew.
        ordinal: Running number of the exposure; also counts exposures that never arrive.
        position: Position in the turn of the cycle by time, from 0.
        place: Index in the exposure settings, from 0.
    """

    epoch: int
    ordinal: int
    position: int
    place: int


class Placer(Protocol):
    """Interface: tells the place of frames in the camera's sequence."""

    @property
    def ready(self) -> bool:
        """Whether `locate` can be called yet."""

    def see(self, frame: Frame) -> Sighting:
        """Learn from a frame; called once for each, in order of arrival. Raises FrameError."""

    def locate(self, sighting: Sighting) -> Spot:
        """Return the place of a frame that `see` was given; raises FrameError."""

    def accept(self, frames: list[Frame]) -> None:
        """Check the frames of a complete window, sorted by ordinal; raises FrameError."""

    def restart(self) -> None:
        """Begin anew after a time jump: later frames are not compared with earlier ones."""


Key = tuple[int, int]  # epoch, ordinal of the window's first frame


@dataclass(eq=False)
class _Member:
    """A frame in one window or, with sliding windows, in several."""

    frame: Frame
    place: int
    windows: int = 0  # open windows that it is in
    used: bool = False  # whether it was in a bracket


class WindowSorter:
    """Sorts frames by the places that a `Placer` tells; frames wait while it is still learning.

    A window has N successive frames. With `window` cycle one begins at the first frame of each
    turn, so every frame is in one window; with sliding windows one begins at every frame.
    """

    def __init__(self, size: int, placer: Placer, sliding: bool, finish: Finish,
                 drops: Drops) -> None:
        """Take the strategy.

        Args:
            size: Number of frames in a bracket.
            placer: Tells the place of frames.
            sliding: Whether a window begins at every frame.
            finish: Builds a bracket from its frames.
            drops: Counts dropped frames.
        """
        self._size, self._placer, self._sliding = size, placer, sliding
        self._finish, self._drops = finish, drops
        self._most_open = OPEN_TURNS * (size if sliding else 1)
        self._waiting: deque[Sighting] = deque()
        self._open: dict[Key, dict[int, _Member] | None] = {}  # by ordinal; None: unusable
        self._closed_up_to: Key | None = None  # windows up to this one are closed

    @property
    def held(self) -> int:
        """Number of frames that wait for others and were in no bracket yet."""
        members = {member for window in self._open.values() for member in (window or {}).values()}
        return len(self._waiting) + sum(not member.used for member in members)

    def add(self, frame: Frame) -> list[Bracket]:
        """Add a frame and return the brackets that it completes; raises FrameError."""
        self._waiting.append(self._placer.see(frame))
        if not self._placer.ready:
            if len(self._waiting) > 2 * self._size:
                self._waiting.popleft()
                self._drops.count('incomplete', 1)
            return []
        complete: list[Bracket] = []
        while len(self._waiting) > 1:
            complete += self._place_or_drop(self._waiting.popleft())
        last = self._waiting.popleft()  # the frame just added
        complete += self._place_or_drop(last) if complete else self._place(last)
        return complete if self._sliding else self._keep_newest(complete)

    def _keep_newest(self, turns: list[Bracket]) -> list[Bracket]:
        """Keep only the last of the turns that waited while the placer was learning."""
        self._drops.count('superseded', self._size * len(turns[:-1]))
        return turns[-1:]

    def _place_or_drop(self, sighting: Sighting) -> list[Bracket]:
        try:
            return self._place(sighting)
        except FrameError as rejected:
            self._drops.reject(rejected, 1)
            return []

    def _place(self, sighting: Sighting) -> list[Bracket]:
        spot = self._placer.locate(sighting)
        keys = self._open_windows(spot)
        self._add_to_windows(_Member(sighting.frame, spot.place), spot.ordinal, keys)
        whole = [key for key in keys if len(self._open[key] or ()) == self._size]
        return [bracket for key in whole if (bracket := self._complete(key))]

    def _open_windows(self, spot: Spot) -> list[Key]:
        """Open the windows that a frame belongs to, and return those not closed yet.

        Raises:
            FrameError: all of them are closed.
        """
        firsts = (range(spot.ordinal - self._size + 1, spot.ordinal + 1) if self._sliding
                  else [spot.ordinal - spot.position])
        keys = [(spot.epoch, first) for first in firsts]
        for key in keys:
            if self._closed_up_to is None or key > self._closed_up_to:
                self._open.setdefault(key, {})
        while len(self._open) > self._most_open:
            self._close_up_to(min(self._open), 'incomplete')
        keys = [key for key in keys if key in self._open]
        if not keys:
            raise FrameError('stale', 'the bracket of this frame is over')
        return keys

    def _add_to_windows(self, member: _Member, ordinal: int, keys: Iterable[Key]) -> None:
        for key in keys:
            window = self._open[key]
            if window is not None and ordinal in window:
                # Two frames in one place: it is unknown which of them belongs there.
                self._release(window.values(), 'invalid')
                self._open[key] = None
            elif window is not None:
                window[ordinal] = member
                member.windows += 1
        if not member.windows:
            raise FrameError('invalid', _TWO_OF_ONE)

    def _complete(self, key: Key) -> Bracket | None:
        window = self._open.pop(key) or {}
        self._close_up_to(key, 'superseded')
        members = [window[ordinal] for ordinal in sorted(window)]
        bracket, reason = None, 'superseded'
        try:
            bracket = self._build(members)
        except FrameError as rejected:
            self._drops.reject(rejected, 0)  # other windows may still use the frames
            reason = rejected.reason
        for member in members:
            member.used |= bracket is not None
        self._release(members, reason)
        return bracket

    def _build(self, members: list[_Member]) -> Bracket | None:
        """Build the bracket of the frames of a window; raises FrameError."""
        if len({member.place for member in members}) < self._size:
            raise FrameError('invalid', _TWO_OF_ONE)
        self._placer.accept([member.frame for member in members])
        in_place = sorted(members, key=lambda member: member.place)
        return self._finish([member.frame for member in in_place])

    def _close_up_to(self, last: Key, reason: str) -> None:
        """Close all windows up to and including `last`."""
        for key in sorted(key for key in self._open if key <= last):
            self._release((self._open.pop(key) or {}).values(), reason)
        self._closed_up_to = last

    def _release(self, members: Iterable[_Member], reason: str) -> None:
        """Remove frames from one window; drop those in no other window and in no bracket."""
        for member in members:
            member.windows -= 1
            self._drops.count(reason, not (member.windows or member.used))

    def flush(self, reason: str) -> None:
        """Drop all held frames and begin anew; later frames are not compared with earlier ones."""
        self._drops.count(reason, self.held)
        self._waiting.clear()
        self._open.clear()
        self._closed_up_to = None
        self._placer.restart()
