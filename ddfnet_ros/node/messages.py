# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs to Frame: the node's door for what comes in; `serialising.py` is the other."""

from __future__ import annotations

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame
from ddfnet_ros.encodings import pixels_of


def frame_from(message: Image | CompressedImage, stream: int = 0) -> Frame:
    """Turn an image message into a Frame; its pixels are a view of the message where they can.

    Raises:
        ValueError: an image that cannot be decoded, or has no or no finite pixels.
    """
    return Frame(
        pixels=pixels_of(message), stamp_ns=stamp_ns(message.header),
        frame_id=message.header.frame_id, stream=stream,
    )


def stamp_ns(header: Header) -> int:
    """The stamp of a header, nanoseconds."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)
