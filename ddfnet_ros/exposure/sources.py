# SPDX-License-Identifier: Apache-2.0
"""How camera drivers tell the exposure of a frame: one entry of SOURCES each.

A reader takes any object with the fields of its message, so that a live one and one out of a bag
are read by the same code, with or without ROS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ddfnet_ros.exposure.metadata import FrameMetadata


class Source(NamedTuple):
    """How one kind of camera driver tells the exposure.

    Attributes:
        msgtype: `package/msg/Name` of the message, which has a header with the stamp of its image.
        read: Gives the metadata, or None where the message is about something else. Raises
            ValueError over values that cannot be.
    """

    msgtype: str
    read: Callable[[Any], FrameMetadata | None]


def _read_camera_ros(message: Any) -> FrameMetadata | None:
    """Read libcamera's controls, which camera_ros sends as one status per image."""
    controls = {value.key: value.value for status in message.status for value in status.values}
    return FrameMetadata.of_controls(controls)


SOURCES = {'camera_ros': Source('diagnostic_msgs/msg/DiagnosticArray', _read_camera_ros)}
