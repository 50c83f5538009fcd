# SPDX-License-Identifier: Apache-2.0
"""Joins frames with their metadata, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.reading import FrameMetadata

T = TypeVar('T')
_NONE_YET = -(2**63)  # before every number


class Matcher:
    """Joins what has equal stamps, or equal counters, of one camera.

    Attributes:
        dropped: Frames whose metadata never came, under 'no_metadata'.
    """

    def __init__(self, depth: int, metadata_depth: int = 0, counts: bool = False) -> None:
        """Set the limits.

        Args:
            depth: Frames that wait, at most.
            metadata_depth: Metadata that are remembered, at most; 0: as many.
            counts: Whether numbers are counters: one that goes back starts anew, and what was
                before it has nothing to do with what comes.
        """
        self.dropped: Counter[str] = Counter()
        self._depth, self._metadata_depth = depth, metadata_depth or depth
        self._counts = counts
        self._frames: dict[int, Frame] = {}
        self._metadata: dict[int, FrameMetadata | None] = {}
        self._last_frame = self._last_metadata = _NONE_YET
        self._anew = ''  # which of the two has started anew, while the other has not yet

    def add_frame(self, number: int, frame: Frame) -> Frame | None:
        """Take a frame; give it back with its exposure if its metadata is here already.

        Args:
            number: Stamp or counter.
            frame: Without its exposure.
        """
        if self._counts and number < self._last_frame:
            self._forget_frames()
            if self._anew != 'metadata':
                self._metadata.clear()
            self._anew = '' if self._anew == 'metadata' else 'frames'
        self._last_frame = number
        if number in self._metadata:
            metadata = self._metadata[number]
            return self._exposed(frame, metadata) if metadata else None
        self._drop(_keep(self._frames, number, frame, self._depth))
        return None

    def add_metadata(self, number: int, metadata: FrameMetadata | None) -> Frame | None:
        """Take metadata; give the frame that has been waiting for it.

        Args:
            number: Stamp or counter of the frame.
            metadata: None where it was of no use: its frame is then let go without a word.
        """
        if self._counts and number < self._last_metadata:
            self._metadata.clear()
            if self._anew != 'frames':
                self._forget_frames()
            self._anew = '' if self._anew == 'frames' else 'metadata'
        self._last_metadata = number
        _keep(self._metadata, number, metadata, self._metadata_depth)
        frame = self._frames.pop(number, None)
        return self._exposed(frame, metadata) if frame and metadata else None

    def reset(self) -> None:
        """Forget everything that waits."""
        self._forget_frames()
        self._metadata.clear()
        self._last_frame = self._last_metadata = _NONE_YET
        self._anew = ''

    def _exposed(self, frame: Frame, metadata: FrameMetadata) -> Frame:
        self._anew = ''  # they are of one start
        counter = frame.sequence_id if metadata.sequence_id is None else metadata.sequence_id
        return dataclasses.replace(frame, exposure_time=metadata.exposure_time,
                                   gain=metadata.gain, sequence_id=counter)

    def _forget_frames(self) -> None:
        self._drop(len(self._frames))
        self._frames.clear()

    def _drop(self, frames: int) -> None:
        if frames:
            self.dropped['no_metadata'] += frames


def _keep(store: dict[int, T], number: int, value: T, depth: int) -> int:
    """Put a value in, and the oldest out where there are more than `depth`; how many went."""
    displaced = int(store.pop(number, None) is not None)
    store[number] = value
    if len(store) > depth:
        del store[next(iter(store))]
        displaced += 1
    return displaced
