# SPDX-License-Identifier: Apache-2.0
"""Converts pixels to messages, most of them already serialised as CDR bytes."""

from __future__ import annotations

import io
import struct
import sys
from array import array
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame
from ddfnet_ros.encodings import encoding_for, jpeg

_LENGTH = struct.Struct('I')  # length of `data` in CDR


def header_of(frame: Frame) -> Header:
    """Header of the message that a frame came in."""
    header = Header(frame_id=frame.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
    return header


def image_cdr(
    header: Header, pixels: npt.NDArray[Any], buffer: io.BytesIO | None = None
) -> bytes:
    """Serialise pixels as a sensor_msgs/Image for `Publisher.publish`, which takes bytes too.

    `Image.data` would copy the pixels more than once, or element by element. Here an image without
    pixels is serialised, and the pixels are appended: in CDR, `data` is the last field.

    Args:
        header: Header of the message.
        pixels: (H, W) grey or (H, W, 3) RGB; uint8 is sent as mono8 or bgr8, uint16 as mono16 or
            rgb16, float32 as 32FC1 or 32FC3 (blue first).
        buffer: Buffer to reuse: allocating a large image takes longer than filling it. The bytes
            are returned without a copy; the next call overwrites them, or allocates new ones if
            they are still referenced. None for a new buffer.
    """
    buffer = io.BytesIO() if buffer is None else buffer
    encoding, blue_first = encoding_for(pixels)
    without_pixels = serialize_message(Image(
        header=header, height=pixels.shape[0], width=pixels.shape[1], step=pixels[0].nbytes,
        encoding=encoding, is_bigendian=sys.byteorder == 'big'))
    front = without_pixels[:-_LENGTH.size] + _LENGTH.pack(pixels.nbytes)
    _resize(buffer, len(front) + pixels.nbytes)
    buffer.seek(0)
    buffer.write(front)
    _write(buffer, len(front), pixels, blue_first)
    return buffer.getvalue()


def _resize(buffer: io.BytesIO, size: int) -> None:
    if buffer.seek(0, io.SEEK_END) != size:
        buffer.truncate(size)
        buffer.seek(size - 1)
        buffer.write(b'\0')


def _write(buffer: io.BytesIO, start: int, pixels: npt.NDArray[Any], blue_first: bool) -> None:
    """Write pixels to the end of a buffer; the view of the buffer is freed on return."""
    place = np.frombuffer(buffer.getbuffer(), pixels.dtype, offset=start).reshape(pixels.shape)
    if blue_first:
        cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, dst=place)
    else:
        np.copyto(place, pixels)


def jpeg_message(
    header: Header, picture: npt.NDArray[np.uint8], quality: int
) -> CompressedImage:
    """JPEG message as image_transport's compressed plugin sends it; see `encodings.jpeg`."""
    format_, content = jpeg(picture, quality)
    return CompressedImage(header=header, format=format_, data=array('B', content))
