# SPDX-License-Identifier: Apache-2.0
"""Joins frames with what the camera says of them, whichever of the two comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TypeVar

from ddfnet_ros.bracket import Frame
from ddfnet_ros.exposure.metadata import FrameMetadata

T = TypeVar('T')


class StampMatcher:
    """Joins frames with the metadata of the same stamp, whichever of the two comes first.

    Attributes:
        dropped: Frames whose metadata never came, under 'no_metadata'.
    """

    def __init__(self, depth: int) -> None:
        """Set how many frames wait at most, and how many metadata are remembered."""
        self.dropped: Counter[str] = Counter()
        self._depth = depth
        self._frames: dict[int, Frame] = {}
        self._metadata: dict[int, FrameMetadata] = {}

    def add_frame(self, frame: Frame) -> Frame | None:
        """Take a frame; give it back with its exposure if its metadata is here already."""
        if metadata := self._metadata.get(frame.stamp_ns):
            return _exposed(frame, metadata)
        displaced = _keep(self._frames, frame.stamp_ns, frame, self._depth)
        self.dropped['no_metadata'] += displaced
        return None

    def add_metadata(self, stamp_ns: int, metadata: FrameMetadata) -> Frame | None:
        """Take metadata; give the frame that has been waiting for it."""
        _keep(self._metadata, stamp_ns, metadata, self._depth)
        frame = self._frames.pop(stamp_ns, None)
        return _exposed(frame, metadata) if frame else None

    def discard(self, stamp_ns: int) -> None:
        """Forget the frame whose metadata turned out to be useless."""
        self._frames.pop(stamp_ns, None)

    def reset(self) -> None:
        """Forget everything that waits."""
        self.dropped['no_metadata'] += len(self._frames)
        self._frames.clear()
        self._metadata.clear()


def _exposed(frame: Frame, metadata: FrameMetadata) -> Frame:
    return dataclasses.replace(
        frame, exposure_time=metadata.exposure_time, gain=metadata.gain,
        sequence_id=metadata.sequence_id,
    )


def _keep(store: dict[int, T], stamp_ns: int, value: T, depth: int) -> int:
    """Put a value in, and the oldest out where there are more than `depth`; how many went."""
    displaced = int(store.pop(stamp_ns, None) is not None)
    store[stamp_ns] = value
    if len(store) > depth:
        del store[next(iter(store))]
        displaced += 1
    return displaced
