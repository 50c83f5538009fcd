# SPDX-License-Identifier: Apache-2.0
"""Types that all sorters share: drop reasons, errors, and the `Sorter` interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from ddfnet_ros.bracket import Bracket, Frame

REASONS = ('incomplete', 'stale', 'duplicate', 'superseded', 'invalid')
OPEN_TURNS = 3  # turns that may be incomplete at a time; a topic may lag by two of them

# Builds a bracket from frames in the order of the exposure settings; raises FrameError. None: the
# frames are complete, but the bracket is not needed.
Finish = Callable[[list[Frame]], Bracket | None]


class FrameError(Exception):
    """One frame or several have to be dropped.

    Attributes:
        reason: One of REASONS.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Drops:
    """Counts dropped frames.

    Attributes:
        counts: Number of dropped frames by reason.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._complaint = ''

    def take_complaint(self) -> str:
        """Return why the last invalid frame was dropped; '' if none was since the last call."""
        complaint, self._complaint = self._complaint, ''
        return complaint

    def count(self, reason: str, frames: int) -> None:
        """Count dropped frames; 0 adds no entry."""
        if frames:
            self.counts[reason] += frames

    def reject(self, error: FrameError, frames: int) -> None:
        """Count dropped frames and keep the error text."""
        self.count(error.reason, frames)
        if error.reason == 'invalid':
            self._complaint = str(error)


class Sorter(Protocol):
    """Interface: takes frames one by one and returns brackets as they become complete."""

    @property
    def held(self) -> int:
        """Number of frames that wait for others and were in no bracket yet."""

    def add(self, frame: Frame) -> list[Bracket]:
        """Add a frame and return the brackets that it completes, in order.

        Raises:
            FrameError: the frame cannot be placed.
        """

    def flush(self, reason: str) -> None:
        """Drop all held frames and begin anew, but keep what was learned of the camera."""
