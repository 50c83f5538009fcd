# SPDX-License-Identifier: Apache-2.0
"""Joins frames with their metadata, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any, TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.reading import FrameMetadata

T = TypeVar('T')
Key = tuple[int, str]  # stamp or counter, and camera


class Matcher:
    """Joins what has equal stamps, or equal counters, of the same camera.

    Attributes:
        dropped: Frames whose metadata never came, under 'no_metadata'.
    """

    def __init__(self, depth: int, metadata_depth: int = 0, counts: bool = False) -> None:
        """Set the limits.

        Args:
            depth: Frames that wait, at most.
            metadata_depth: Metadata that are remembered, at most; 0: as many.
            counts: Whether numbers are counters: one that goes back starts anew, and what was
                before it has nothing to do with what comes from that camera.
        """
        self.dropped: Counter[str] = Counter()
        self._depth, self._metadata_depth = depth, metadata_depth or depth
        self._counts = counts
        self._frames: dict[Key, Frame] = {}
        self._metadata: dict[Key, FrameMetadata | None] = {}

    def add_frame(self, number: int, frame: Frame, camera: str = '') -> Frame | None:
        """Take a frame; give it back with its exposure if its metadata is here already.

        Args:
            number: Stamp or counter.
            frame: Without its exposure.
            camera: Whose it is, where several share a topic.
        """
        key = number, camera
        if self._goes_back(self._frames, key):
            self._drop(_forget(self._frames, camera))
        if key in self._metadata:
            metadata = self._metadata[key]
            return _exposed(frame, metadata) if metadata else None
        self._drop(_keep(self._frames, key, frame, self._depth))
        return None

    def add_metadata(self, number: int, metadata: FrameMetadata | None,
                     camera: str = '') -> Frame | None:
        """Take metadata; give the frame that has been waiting for it.

        Args:
            number: Stamp or counter of the frame.
            metadata: None where it was of no use: its frame is then let go without a word.
            camera: Whose it is, where several share a topic.
        """
        key = number, camera
        if self._goes_back(self._metadata, key):
            _forget(self._metadata, camera)
        _keep(self._metadata, key, metadata, self._metadata_depth)
        frame = self._frames.pop(key, None)
        return _exposed(frame, metadata) if frame and metadata else None

    def reset(self) -> None:
        """Forget everything that waits."""
        self._drop(len(self._frames))
        self._frames.clear()
        self._metadata.clear()

    def _goes_back(self, store: dict[Key, Any], key: Key) -> bool:
        """Whether a counter is less than the one before, of its camera: each counts for itself."""
        number, camera = key
        before = next((n for n, other in reversed(store) if other == camera), number)
        return self._counts and number < before

    def _drop(self, frames: int) -> None:
        if frames:
            self.dropped['no_metadata'] += frames


def _exposed(frame: Frame, metadata: FrameMetadata) -> Frame:
    counter = frame.sequence_id if metadata.sequence_id is None else metadata.sequence_id
    return dataclasses.replace(frame, exposure_time=metadata.exposure_time, gain=metadata.gain,
                               sequence_id=counter)


def _keep(store: dict[Key, T], key: Key, value: T, depth: int) -> int:
    """Put a value in, and the oldest out where there are more than `depth`; how many went."""
    displaced = int(store.pop(key, None) is not None)
    store[key] = value
    if len(store) > depth:
        del store[next(iter(store))]
        displaced += 1
    return displaced


def _forget(store: dict[Key, Any], camera: str) -> int:
    """Take out what is of one camera; how many went."""
    gone = [key for key in store if key[1] == camera]
    for key in gone:
        del store[key]
    return len(gone)
