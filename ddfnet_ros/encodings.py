# SPDX-License-Identifier: Apache-2.0
"""Decode image messages to pixels, and choose the encoding of published images.

Works on any object with the fields of sensor_msgs Image or CompressedImage, so the same code
handles live messages and messages of bags, with or without ROS.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import cv2
import numpy as np

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.images import decode

_Array = np.ndarray[Any, Any]


class UnknownEncodingError(ValueError):
    """The encoding is not supported here."""


class _Layout(NamedTuple):
    """Memory layout of the pixels of an encoding.

    Attributes:
        dtype: Type of one sample.
        channels: Samples per pixel.
        rgb: Slice of the red, green and blue channels; None for grey or if `convert` is set.
        convert: OpenCV's conversion code to RGB; None if a view is enough.
        block: Number of rows and columns of pixels that share their colour.
    """

    dtype: type[np.generic]
    channels: int
    rgb: slice | None = None
    convert: int | None = None
    block: tuple[int, int] = (1, 1)


_RGB, _BGR = slice(0, 3), slice(2, None, -1)
_ORDERS = {'mono': (1, None), 'rgb': (3, _RGB), 'bgr': (3, _BGR), 'rgba': (4, _RGB),
           'bgra': (4, _BGR)}
# OpenCV names a Bayer pattern by the second and third pixel of the second row, ROS by the first
# two rows.
_MOSAICS = {'rggb': cv2.COLOR_BayerBG2RGB, 'bggr': cv2.COLOR_BayerRG2RGB,
            'gbrg': cv2.COLOR_BayerGR2RGB, 'grbg': cv2.COLOR_BayerGB2RGB}
_UYVY = _Layout(np.uint8, 2, convert=cv2.COLOR_YUV2RGB_UYVY, block=(1, 2))
_YUYV = _Layout(np.uint8, 2, convert=cv2.COLOR_YUV2RGB_YUYV, block=(1, 2))
_DEPTHS: dict[str, type[np.generic]] = {'8': np.uint8, '16': np.uint16}
_LAYOUTS = {
    **{f'{name}{bits}': _Layout(dtype, channels, rgb)
       for name, (channels, rgb) in _ORDERS.items() for bits, dtype in _DEPTHS.items()},
    **{f'bayer_{name}{bits}': _Layout(dtype, 1, convert=code)
       for name, code in _MOSAICS.items() for bits, dtype in _DEPTHS.items()},
    'uyvy': _UYVY, 'yuv422': _UYVY, 'yuyv': _YUYV, 'yuv422_yuy2': _YUYV,
    'nv12': _Layout(np.uint8, 1, convert=cv2.COLOR_YUV2RGB_NV12, block=(2, 2)),
    'nv21': _Layout(np.uint8, 1, convert=cv2.COLOR_YUV2RGB_NV21, block=(2, 2)),
}
# OpenCV's matrix types; those with colours are BGR, as in OpenCV.
_MATRIX = re.compile('(8U|16U|32F)(?:C([134]))?')
_SAMPLES: dict[str, type[np.generic]] = {'8U': np.uint8, '16U': np.uint16, '32F': np.float32}
# Published encodings by type and channels. 32FC3 is BGR as in OpenCV, which its readers assume.
_ENCODINGS = {('uint8', 1): 'mono8', ('uint8', 3): 'bgr8', ('uint16', 1): 'mono16',
         ('uint16', 3): 'rgb16', ('float32', 1): '32FC1', ('float32', 3): '32FC3'}
_BLUE_FIRST = ('bgr8', '32FC3')


def pixels_of(message: Any, significant_bits: int = 16) -> Pixels:
    """Decode an Image or a CompressedImage to grey (H, W) or RGB (H, W, 3), as a view if possible.

    Args:
        message: Image or CompressedImage, or an object with its fields.
        significant_bits: Number of bits used in 16-bit samples; 12: samples are 0 to 4095.

    Raises:
        UnknownEncodingError: the encoding is unknown or not a picture.
        ValueError: too few bytes, more bits than expected, or a broken JPEG or PNG.
    """
    if hasattr(message, 'format'):
        return _decompress(message, significant_bits)
    layout = _find_layout(str(message.encoding))
    samples = _stretch_to_16_bits(_view_samples(message, layout), significant_bits)
    if layout.convert is not None:
        return _convert(samples, layout.convert)
    return samples if layout.rgb is None else samples[..., layout.rgb]


def _find_layout(encoding: str) -> _Layout:
    if encoding in _LAYOUTS:
        return _LAYOUTS[encoding]
    if matrix := _MATRIX.fullmatch(encoding):
        channels = int(matrix[2] or 1)
        return _Layout(_SAMPLES[matrix[1]], channels, None if channels == 1 else _BGR)
    raise UnknownEncodingError(
        'expected mono, rgb, bgr, rgba, bgra or bayer of 8 or 16 bits, uyvy, yuyv, nv12 or nv21, '
        f'got encoding {encoding!r}; convert the images')


def _view_samples(message: Any, layout: _Layout) -> _Array:
    """Return the buffer as (H, W) or (H, W, C); a view unless bytes must be swapped or moved."""
    dtype = np.dtype(layout.dtype).newbyteorder('>' if message.is_bigendian else '<')
    height, width, step = int(message.height), int(message.width), int(message.step)
    row = width * layout.channels * dtype.itemsize
    buffer = np.frombuffer(message.data, np.uint8)
    if not row or not height:
        raise ValueError(f'expected an image with pixels, got {width}x{height}; check the camera')
    if height % layout.block[0] or width % layout.block[1]:
        raise ValueError(f'expected even sizes for {message.encoding}, got {width}x{height}; '
                         'check the camera')
    if layout.block[0] == 2:  # the colours follow in half as many rows
        height += height // 2
    if step < row or buffer.size < step * height:
        raise ValueError(f'expected {height} rows of {row} bytes, got step {step} and '
                         f'{buffer.size} bytes; check the publisher')
    rows = buffer[:step * height].reshape(height, step)[:, :row]
    if step % dtype.itemsize:  # torch and OpenCV need aligned samples
        rows = np.ascontiguousarray(rows)
    shape = (height, width) if layout.channels == 1 else (height, width, layout.channels)
    return rows.view(dtype).reshape(shape).astype(dtype.newbyteorder('='), copy=False)


def _stretch_to_16_bits(samples: _Array, significant_bits: int) -> _Array:
    """Stretch 16-bit samples that use fewer bits to all 16: 4095 of 12 bits becomes 65535."""
    if samples.dtype != np.uint16 or significant_bits == 16:
        return samples
    top = 2**significant_bits - 1
    if (highest := int(samples.max())) > top:
        raise ValueError(f'expected samples of {significant_bits} bits, 0 to {top}, got '
                         f'{highest}; set significant_bits to 16')
    stretched = samples << (16 - significant_bits)
    stretched |= samples >> (2 * significant_bits - 16)
    return stretched


def _decompress(message: Any, significant_bits: int) -> Pixels:
    name = f'{message.format!r} image'
    pixels: Any = _stretch_to_16_bits(decode(memoryview(message.data), name), significant_bits)
    # image_transport compresses a Bayer image as grey and puts its encoding first in the format.
    mosaic = re.match(r'bayer_(\w{4})', message.format)
    if mosaic and mosaic[1] in _MOSAICS and pixels.ndim == 2:
        if pixels.dtype == np.float32:
            raise ValueError(f'{name}: expected a mosaic of 8 or 16 bits, got float32; convert it')
        pixels = _convert(pixels, _MOSAICS[mosaic[1]])
    return pixels


def _convert(samples: _Array, code: int) -> Pixels:
    converted: Any = cv2.cvtColor(samples, code)
    return converted


def encoding_for(pixels: _Array) -> tuple[str, bool]:
    """Return the encoding to publish pixels in, and whether it has blue first.

    Args:
        pixels: (H, W) grey or (H, W, 3) RGB; uint8, uint16 or float32.
    """
    encoding = _ENCODINGS[pixels.dtype.name, 1 if pixels.ndim == 2 else pixels.shape[2]]
    return encoding, encoding in _BLUE_FIRST


def jpeg(picture: _Array, quality: int) -> tuple[str, bytes]:
    """Compress a picture as image_transport's compressed plugin does; return format and bytes.

    Args:
        picture: (H, W) grey or (H, W, 3) RGB, uint8.
        quality: 1 to 100.

    Raises:
        ValueError: a side is larger than JPEG allows, 65500 pixels.
    """
    encoding, blue_first = encoding_for(picture)
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if blue_first else picture
    try:
        done, data = cv2.imencode('.jpg', ordered, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:  # OpenCV 4 raises instead of returning False
        done = False
    if not done:
        raise ValueError(f'expected a picture that JPEG can hold, got {picture.shape}; take the '
                         'image that is not compressed')
    # The plugin's subscriber reads these words: the original encoding, and that of the JPEG.
    held = encoding if blue_first else ''
    return f'{encoding}; jpeg compressed {held}', data.tobytes()
