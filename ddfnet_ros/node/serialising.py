# SPDX-License-Identifier: Apache-2.0
"""Pixels to messages, most of them as ready-made CDR bytes: the node's door for what goes out."""

from __future__ import annotations

import struct
import sys
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame

# OpenCV's order, which is what readers of 32FC3 assume. (type, channels) to encoding.
_ENCODINGS = {('uint8', 1): 'mono8', ('uint8', 3): 'bgr8',
              ('float32', 1): '32FC1', ('float32', 3): '32FC3'}


def header_of(frame: Frame) -> Header:
    """The header that a frame came with."""
    header = Header(frame_id=frame.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
    return header


def image_cdr(header: Header, pixels: npt.NDArray[Any]) -> bytes:
    """Serialise pixels as a sensor_msgs/Image that `Publisher.publish` takes as it is.

    `Image.data` takes an array element by element or copies it more than once; an empty image
    is serialised instead and the pixels are appended to it, which is what the format (CDR,
    `data` last) amounts to.

    Args:
        header: Header of the message.
        pixels: (H, W) grey or (H, W, 3) RGB, uint8 or float32; sent as mono8, bgr8, 32FC1 or
            32FC3 (blue first).
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    ordered = np.ascontiguousarray(pixels) if channels == 1 else (
        cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    message = Image(
        header=header, height=pixels.shape[0], width=pixels.shape[1], step=ordered.strides[0],
        encoding=_ENCODINGS[pixels.dtype.name, channels], is_bigendian=sys.byteorder == 'big',
    )
    without_length = serialize_message(message)[:-struct.calcsize('I')]
    length = struct.pack('I', ordered.nbytes)
    return b''.join((without_length, length, ordered.data.cast('B')))
