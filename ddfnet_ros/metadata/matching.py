# SPDX-License-Identifier: Apache-2.0
"""Join frames with their metadata, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.reading import FrameMetadata

T = TypeVar('T')
_NEVER = -(2**63)  # before every number


class Matcher:
    """Joins frames and metadata of one camera that have equal stamps or equal counters.

    Attributes:
        dropped: Number of frames whose metadata never came, under 'no_metadata'.
    """

    def __init__(self, depth: int, metadata_depth: int = 0, counts: bool = False) -> None:
        """Set the limits.

        Args:
            depth: Largest number of waiting frames.
            metadata_depth: Largest number of stored metadata; 0: as for frames.
            counts: Whether numbers are counters. A counter that goes back has restarted: then
                nothing from before matches anything from after.
        """
        self.dropped: Counter[str] = Counter()
        self._depth, self._metadata_depth = depth, metadata_depth or depth
        self._counts = counts
        self._frames: dict[int, Frame] = {}
        self._metadata: dict[int, FrameMetadata | None] = {}
        self._last_frame = self._last_metadata = _NEVER
        self._restarted = ''  # 'frames' or 'metadata' if only its counter has restarted so far

    def add_frame(self, number: int, frame: Frame) -> Frame | None:
        """Add a frame; return it with its exposure if its metadata is here already.

        Args:
            number: Stamp [ns] or counter of the frame.
            frame: The frame, still without its exposure.
        """
        if self._counts and number < self._last_frame:
            self._forget_frames()
            if self._restarted != 'metadata':
                self._metadata.clear()
            self._restarted = '' if self._restarted == 'metadata' else 'frames'
        self._last_frame = number
        if number in self._metadata:
            metadata = self._metadata[number]
            return self._with_exposure(frame, metadata) if metadata else None
        self._count_dropped(_store(self._frames, number, frame, self._depth))
        return None

    def add_metadata(self, number: int, metadata: FrameMetadata | None) -> Frame | None:
        """Add metadata; return the frame that waited for it.

        Args:
            number: Stamp [ns] or counter of the frame.
            metadata: The metadata; None if it is unusable: the frame is then dropped, uncounted.
        """
        if self._counts and number < self._last_metadata:
            self._metadata.clear()
            if self._restarted != 'frames':
                self._forget_frames()
            self._restarted = '' if self._restarted == 'frames' else 'metadata'
        self._last_metadata = number
        _store(self._metadata, number, metadata, self._metadata_depth)
        frame = self._frames.pop(number, None)
        return self._with_exposure(frame, metadata) if frame and metadata else None

    def reset(self) -> None:
        """Forget all waiting frames and metadata."""
        self._forget_frames()
        self._metadata.clear()
        self._last_frame = self._last_metadata = _NEVER
        self._restarted = ''

    def _with_exposure(self, frame: Frame, metadata: FrameMetadata) -> Frame:
        self._restarted = ''  # a match: both have the same start
        counter = frame.sequence_id if metadata.sequence_id is None else metadata.sequence_id
        return dataclasses.replace(frame, exposure_time=metadata.exposure_time,
                                   gain=metadata.gain, sequence_id=counter)

    def _forget_frames(self) -> None:
        self._count_dropped(len(self._frames))
        self._frames.clear()

    def _count_dropped(self, frames: int) -> None:
        if frames:
            self.dropped['no_metadata'] += frames


def _store(store: dict[int, T], number: int, value: T, depth: int) -> int:
    """Store a value; remove the oldest beyond `depth`. Returns how many values were removed."""
    displaced = int(store.pop(number, None) is not None)
    store[number] = value
    if len(store) > depth:
        del store[next(iter(store))]
        displaced += 1
    return displaced
