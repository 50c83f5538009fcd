# SPDX-License-Identifier: Apache-2.0
"""Find the CameraInfo that belongs to a frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.frames import stamp_ns


class CameraInfos:
    """Stores the recent CameraInfo messages of each topic.

    Attributes:
        topics: The CameraInfo topics, each once; image topics of one namespace share one.
    """

    def __init__(self, topics: Sequence[str], depth: int) -> None:
        """Take the topics.

        Args:
            topics: CameraInfo topic of each stream; empty if there are none.
            depth: Number of messages to keep per topic.
        """
        self._recent: dict[str, deque[Any]] = {topic: deque(maxlen=depth) for topic in topics}
        self._of_stream = [self._recent[topic] for topic in topics]
        self.topics = tuple(self._recent)

    def add(self, topic: str, info: Any) -> None:
        """Add a message of one of `topics`."""
        self._recent[topic].append(info)

    def match(self, frame: Frame) -> Any:
        """Return the CameraInfo with the frame's stamp, else the latest; None if none came."""
        recent = self._of_stream[frame.stream] if self._of_stream else ()
        latest = recent[-1] if recent else None
        return next((info for info in recent if stamp_ns(info) == frame.stamp_ns), latest)


def camera_info_beside(topic: str) -> str:
    """Return the `camera_info` topic in the namespace of an image topic, as in image_transport."""
    return topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'
