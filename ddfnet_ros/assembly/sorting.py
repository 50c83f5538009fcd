# SPDX-License-Identifier: Apache-2.0
"""What all ways of sorting frames into turns of the cycle have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ddfnet_ros.bracket import Frame

REASONS = ('incomplete', 'stale', 'duplicate', 'superseded', 'invalid')
OPEN_TURNS = 3  # brackets in the making; a topic may lag by two of them

Drop = Callable[[str, int], None]  # reason, number of frames


class FrameError(Exception):
    """A frame that can be in no bracket.

    Attributes:
        reason: One of REASONS.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Sorter(Protocol):
    """Takes frames one by one and gives the frames of a turn when it has them all."""

    @property
    def held(self) -> int:
        """Frames that wait for others."""

    def add(self, frame: Frame) -> list[Frame] | None:
        """Take a frame; give a complete turn's frames, in the order of the exposure settings.

        Raises:
            FrameError: the frame cannot be placed.
        """

    def accept(self, frames: list[Frame]) -> None:
        """Check what `add` gave against all that is known of the camera.

        Raises:
            FrameError: these frames are not of one turn.
        """

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was; keep what was learned."""
