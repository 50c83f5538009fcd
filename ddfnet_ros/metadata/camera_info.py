# SPDX-License-Identifier: Apache-2.0
"""Which CameraInfo goes with a frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.frames import stamp_ns


class CameraInfos:
    """The recent CameraInfo of each topic.

    Attributes:
        topics: Where they come, each once; image topics of one namespace share theirs.
    """

    def __init__(self, topics: Sequence[str], depth: int) -> None:
        """Take where they come, and how many are remembered.

        Args:
            topics: One per stream, or none where there are no infos.
            depth: Messages of each topic.
        """
        self._recent: dict[str, deque[Any]] = {topic: deque(maxlen=depth) for topic in topics}
        self._of_stream = [self._recent[topic] for topic in topics]
        self.topics = tuple(self._recent)

    def add(self, topic: str, info: Any) -> None:
        """Take a message of one of `topics`."""
        self._recent[topic].append(info)

    def of(self, frame: Frame) -> Any:
        """The one with the frame's stamp, else the latest of its topic; None where none came."""
        recent = self._of_stream[frame.stream] if self._of_stream else ()
        latest = recent[-1] if recent else None
        return next((info for info in recent if stamp_ns(info) == frame.stamp_ns), latest)


def camera_info_beside(topic: str) -> str:
    """`camera_info` in the namespace of an image topic, as image_transport has it."""
    return topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'
