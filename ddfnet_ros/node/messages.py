# SPDX-License-Identifier: Apache-2.0
"""Converts sensor_msgs images to Frames; `serialising.py` converts in the other direction."""

from __future__ import annotations

from sensor_msgs.msg import CompressedImage, Image

from ddfnet_ros.bracket import Frame, Pixels
from ddfnet_ros.encodings import UnknownEncodingError, pixels_of
from ddfnet_ros.metadata.frames import frame_of
from ddfnet_ros.node import bridge


def frame_from(message: Image | CompressedImage, stream: int = 0, significant_bits: int = 16,
               counter_field: str = '') -> Frame:
    """Convert an image message to a Frame; its pixels are a view of the message if possible.

    Args:
        message: Image in an encoding that we or cv_bridge can decode.
        stream: Index of its topic.
        significant_bits: Number of bits used in 16-bit samples.
        counter_field: Field of the message with a frame counter; '' for none.

    Raises:
        ValueError: an image that cannot be decoded, has no pixels, or no finite ones.
    """
    return frame_of(message, _pixels(message, significant_bits), stream, counter_field)


def _pixels(message: Image | CompressedImage, significant_bits: int) -> Pixels:
    try:
        return pixels_of(message, significant_bits)
    except UnknownEncodingError as unknown:
        return bridge.pixels_of(message, str(unknown))
