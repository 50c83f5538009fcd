# SPDX-License-Identifier: Apache-2.0
"""Which CameraInfo goes with a frame."""

from __future__ import annotations

from collections import deque

from sensor_msgs.msg import CameraInfo

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.messages import stamp_ns


class CameraInfos:
    """The recent CameraInfo of each topic."""

    def __init__(self, streams: int, depth: int) -> None:
        """Take the topics, and how many messages of each are remembered."""
        self._recent: list[deque[CameraInfo]] = [deque(maxlen=depth) for _ in range(streams)]

    def add(self, stream: int, info: CameraInfo) -> None:
        """Take a message."""
        self._recent[stream].append(info)

    def of(self, frame: Frame) -> CameraInfo | None:
        """The one with the frame's stamp, else the latest of its topic; None where none came."""
        recent = self._recent[frame.stream]
        latest = recent[-1] if recent else None
        return next((info for info in recent if stamp_ns(info.header) == frame.stamp_ns), latest)
