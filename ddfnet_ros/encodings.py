# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an image message to pixels: encodings, padding, byte order, compression.

Works on any object with the fields of sensor_msgs Image or CompressedImage, so that a live
message and one out of a bag are read by the same code, with or without ROS.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from rosbags.image.image import Format, ImageError, convert_color, to_cvtype

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.images import decode

_Array = np.ndarray[Any, Any]


def pixels_of(message: Any) -> Pixels:
    """Decode an Image or a CompressedImage to grey (H, W) or RGB (H, W, 3); a view where it can.

    Raises:
        ValueError: too few bytes, an encoding that is no picture, or a broken JPEG or PNG.
    """
    if hasattr(message, 'format'):
        return decode(memoryview(message.data), f'{message.format!r} image')
    try:
        return _to_rgb(_rows(message), message.encoding)
    except (ImageError, cv2.error) as error:
        raise ValueError('expected a grey, RGB, Bayer or YUV 4:2:2 image, got encoding '
                         f'{message.encoding!r}; convert the images') from error


def _rows(message: Any) -> _Array:
    """The buffer as (H, W) or (H, W, C), without the padding at the end of rows."""
    _, _, kind, channels = to_cvtype(message.encoding)
    dtype = np.dtype(kind).newbyteorder('>' if message.is_bigendian else '<')
    height, width, step = int(message.height), int(message.width), int(message.step)
    row = width * channels * dtype.itemsize
    buffer = np.frombuffer(message.data, np.uint8)
    if not row or not height:
        raise ValueError(f'expected an image with pixels, got {width}x{height}; check the camera')
    if step < row or buffer.size < step * height:
        raise ValueError(f'expected {height} rows of {row} bytes, got step {step} and '
                         f'{buffer.size} bytes; check the publisher')
    rows = buffer[:step * height].reshape(height, step)[:, :row]
    if step > row:
        rows = np.ascontiguousarray(rows)
    shape = (height, width) if channels == 1 else (height, width, channels)
    return rows.view(dtype).reshape(shape).astype(dtype.newbyteorder('='), copy=False)


def _to_rgb(image: _Array, encoding: str) -> Pixels:
    bits, layout, _, channels = to_cvtype(encoding)
    if layout == Format.GRAY or (layout == Format.GENERIC and channels == 1):
        return image
    if layout == Format.GENERIC:  # 8UC3, 32FC3: BGR, as OpenCV reads them
        return np.ascontiguousarray(image[..., ::-1])
    converted: _Array = np.asarray(convert_color(image, encoding, f'rgb{bits}'))
    return converted
