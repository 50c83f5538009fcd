# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs to Frame: the node's door for what comes in; `serialising.py` is the other."""

from __future__ import annotations

from sensor_msgs.msg import CompressedImage, Image

from ddfnet_ros.bracket import Frame, Pixels
from ddfnet_ros.encodings import UnknownEncodingError, pixels_of
from ddfnet_ros.metadata.frames import frame_of
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
    return frame_of(message, _pixels(message, significant_bits), stream, counter_field)


def _pixels(message: Image | CompressedImage, significant_bits: int) -> Pixels:
    try:
        return pixels_of(message, significant_bits)
    except UnknownEncodingError as unknown:
        return bridge.pixels_of(message, str(unknown))
