# SPDX-License-Identifier: Apache-2.0
"""Joins frames with their metadata, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any, TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.reading import FrameMetadata

T = TypeVar('T')


class Matcher:
    """Joins by keys: equal stamps, or equal counters.

    Attributes:
        dropped: Frames whose metadata never came, under 'no_metadata'.
    """

    def __init__(self, depth: int, metadata_depth: int = 0, counts: bool = False) -> None:
        """Set the limits.

        Args:
            depth: Frames that wait, at most.
            metadata_depth: Metadata that are remembered, at most; 0: as many.
            counts: Whether keys are counters: one that goes back starts anew, and what was
                before it has nothing to do with what comes.
        """
        self.dropped: Counter[str] = Counter()
        self._depth, self._metadata_depth = depth, metadata_depth or depth
        self._counts = counts
        self._frames: dict[Any, Frame] = {}
        self._metadata: dict[Any, FrameMetadata | None] = {}

    def add_frame(self, key: Any, frame: Frame) -> Frame | None:
        """Take a frame; give it back with its exposure if its metadata is here already."""
        if self._goes_back(self._frames, key):
            self._forget_frames()
        if key in self._metadata:
            metadata = self._metadata[key]
            return _exposed(frame, metadata) if metadata else None
        self._drop(_keep(self._frames, key, frame, self._depth))
        return None

    def add_metadata(self, key: Any, metadata: FrameMetadata | None) -> Frame | None:
        """Take metadata; give the frame that has been waiting for it.

        Args:
            key: Of the frame.
            metadata: None where it was of no use: its frame is then let go without a word.
        """
        if self._goes_back(self._metadata, key):
            self._metadata.clear()
        _keep(self._metadata, key, metadata, self._metadata_depth)
        frame = self._frames.pop(key, None)
        return _exposed(frame, metadata) if frame and metadata else None

    def reset(self) -> None:
        """Forget everything that waits."""
        self._forget_frames()
        self._metadata.clear()

    def _goes_back(self, store: dict[Any, Any], key: Any) -> bool:
        return self._counts and bool(store) and key < next(reversed(store))

    def _forget_frames(self) -> None:
        self._drop(len(self._frames))
        self._frames.clear()

    def _drop(self, frames: int) -> None:
        if frames:
            self.dropped['no_metadata'] += frames


def _exposed(frame: Frame, metadata: FrameMetadata) -> Frame:
    counter = frame.sequence_id if metadata.sequence_id is None else metadata.sequence_id
    return dataclasses.replace(frame, exposure_time=metadata.exposure_time, gain=metadata.gain,
                               sequence_id=counter)


def _keep(store: dict[Any, T], key: Any, value: T, depth: int) -> int:
    """Put a value in, and the oldest out where there are more than `depth`; how many went."""
    displaced = int(store.pop(key, None) is not None)
    store[key] = value
    if len(store) > depth:
        del store[next(iter(store))]
        displaced += 1
    return displaced
