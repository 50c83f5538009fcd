# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs to Frame: the node's door for what comes in; `serialising.py` is the other."""

from __future__ import annotations

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame, Pixels
from ddfnet_ros.encodings import UnknownEncodingError, pixels_of
from ddfnet_ros.metadata.fields import counter, look_up
from ddfnet_ros.node import bridge


def frame_from(message: Image | CompressedImage, stream: int = 0, significant_bits: int = 16,
               counter_field: str = '') -> Frame:
    """Turn an image message into a Frame; its pixels are a view of the message where they can.

    Args:
        message: Of one of the encodings that are read here, or that cv_bridge knows.
        stream: Index of its topic.
        significant_bits: Of 16-bit samples.
        counter_field: Where the message has a frame counter; '' where it has none.

    Raises:
        ValueError: an image that cannot be decoded, or has no or no finite pixels.
    """
    return Frame(
        pixels=_pixels(message, significant_bits), stamp_ns=stamp_ns(message.header),
        frame_id=message.header.frame_id, stream=stream,
        sequence_id=counter(look_up(message, counter_field), counter_field)
        if counter_field else None,
    )


def stamp_ns(header: Header) -> int:
    """The stamp of a header, nanoseconds."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)


def _pixels(message: Image | CompressedImage, significant_bits: int) -> Pixels:
    try:
        return pixels_of(message, significant_bits)
    except UnknownEncodingError as unknown:
        return bridge.pixels_of(message, str(unknown))
