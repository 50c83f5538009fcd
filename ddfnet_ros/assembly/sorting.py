# SPDX-License-Identifier: Apache-2.0
"""What all ways of sorting frames into brackets have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from ddfnet_ros.bracket import Bracket, Frame

REASONS = ('incomplete', 'stale', 'duplicate', 'superseded', 'invalid')
OPEN_TURNS = 3  # turns in the making; a topic may lag by two of them

# Makes a bracket of frames in the order of the exposure settings. None: of no use, though whole.
# Raises FrameError.
Finish = Callable[[list[Frame]], Bracket | None]


class FrameError(Exception):
    """A frame, or several, that can be in no bracket.

    Attributes:
        reason: One of REASONS.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Drops:
    """What was dropped.

    Attributes:
        counts: Frames, by reason.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._complaint = ''

    def take_complaint(self) -> str:
        """Why the last invalid one was dropped; '' where none was since the last call."""
        complaint, self._complaint = self._complaint, ''
        return complaint

    def count(self, reason: str, frames: int) -> None:
        """Count frames; none of them leave no trace."""
        if frames:
            self.counts[reason] += frames

    def reject(self, error: FrameError, frames: int) -> None:
        """Count frames, and keep what is wrong with them."""
        self.count(error.reason, frames)
        if error.reason == 'invalid':
            self._complaint = str(error)


class Sorter(Protocol):
    """Takes frames one by one and gives brackets as they become complete."""

    @property
    def held(self) -> int:
        """Frames that wait for others and were in no bracket yet."""

    def add(self, frame: Frame) -> list[Bracket]:
        """Take a frame; give what it completes, in order.

        Raises:
            FrameError: the frame cannot be placed.
        """

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was; keep what was learned."""
