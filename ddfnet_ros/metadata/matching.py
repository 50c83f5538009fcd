# SPDX-License-Identifier: Apache-2.0
"""Join frames with their metadata, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from typing import TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.reading import FrameMetadata

T = TypeVar('T')
_NEVER = -(2**63)  # before every number
_REMEMBERED = 10  # times the frames that may wait: numbers of frames that were given up


class Matcher:
    """Joins frames and metadata of one camera that have equal stamps or equal counters.

    Attributes:
        dropped: Number of frames whose metadata never came, under 'no_metadata', or was unusable
            or ambiguous, under 'invalid'.
        complaint: What is wrong with the metadata; '' if nothing is.
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
        self.complaint = ''
        self._depth, self._metadata_depth = depth, metadata_depth or depth
        self._counts = counts
        self._frames: dict[int, Frame] = {}
        self._metadata: dict[int, FrameMetadata | None] = {}
        self._last_frame = self._last_metadata = _NEVER
        self._restarted = ''  # 'frames' or 'metadata' if only its counter has restarted so far
        self._given_up: deque[int] = deque(maxlen=_REMEMBERED * depth)  # numbers of frames
        self._doubtful = 0  # frames to drop, as their metadata may be another's

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
        if self._doubtful:
            self._doubtful -= 1
            self.dropped['invalid'] += 1
            return None
        if number in self._metadata:
            return self._join(frame, self._metadata[number])
        given_up = _store(self._frames, number, frame, self._depth)
        self._given_up += given_up
        self._count_dropped(len(given_up))
        return None

    def add_metadata(self, number: int, metadata: FrameMetadata | None) -> Frame | None:
        """Add metadata; return the frame that waited for it.

        Args:
            number: Stamp [ns] or counter of the frame.
            metadata: The metadata; None if it is unusable: then the frame is dropped.
        """
        if self._counts and number < self._last_metadata:
            self._metadata.clear()
            if self._restarted != 'frames':
                self._forget_frames()
            self._restarted = '' if self._restarted == 'frames' else 'metadata'
        self._last_metadata = number
        self._check(number, metadata)
        _store(self._metadata, number, metadata, self._metadata_depth)
        frame = self._frames.pop(number, None)
        return self._join(frame, metadata) if frame else None

    def reset(self) -> None:
        """Forget all waiting frames and metadata."""
        self._forget_frames()
        self._metadata.clear()
        self._last_frame = self._last_metadata = _NEVER
        self._restarted = ''
        self._doubtful = 0

    def _check(self, number: int, metadata: FrameMetadata | None) -> None:
        """Note metadata that came too late, or that may be another frame's."""
        if number in self._given_up and number not in self._frames:
            self.complaint = ('expected metadata soon after its image, got it when that had been '
                              'given up; raise metadata_depth, or see dds_profile')
        before = self._metadata.get(number)
        if before and metadata and before != metadata:
            self._doubtful = self._depth
            self.complaint = ('expected one stamp or counter per image, got different metadata '
                              'with the same one; set image_counter_field, or one of '
                              'metadata_topics per image topic')

    def _join(self, frame: Frame, metadata: FrameMetadata | None) -> Frame | None:
        if metadata is None or self._doubtful:
            self.dropped['invalid'] += 1
            return None
        self._restarted = ''  # a match: both have the same start
        counter = frame.sequence_id if metadata.sequence_id is None else metadata.sequence_id
        return dataclasses.replace(frame, exposure_time=metadata.exposure_time,
                                   gain=metadata.gain, sequence_id=counter)

    def _forget_frames(self) -> None:
        self._count_dropped(len(self._frames))
        self._frames.clear()
        self._given_up.clear()

    def _count_dropped(self, frames: int) -> None:
        if frames:
            self.dropped['no_metadata'] += frames


def _store(store: dict[int, T], number: int, value: T, depth: int) -> list[int]:
    """Store a value; remove the oldest beyond `depth`. Returns the numbers of removed values."""
    displaced = [number] if store.pop(number, None) is not None else []
    store[number] = value
    if len(store) > depth:
        displaced.append(oldest := next(iter(store)))
        del store[oldest]
    return displaced
