# SPDX-License-Identifier: Apache-2.0
"""What became of a bracket, as messages under the names that the node gives them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ddfnet_ros.bags.brackets import Found
from ddfnet_ros.bags.reading import Message
from ddfnet_ros.bags.types import TYPES
from ddfnet_ros.bracket import Frame
from ddfnet_ros.settings import OutputSettings

if TYPE_CHECKING:
    from ddfnet_ros.runtime.deghoster import Deghosted

OUTPUTS = ('image', 'hdr', 'camera_info', 'image/compressed')
# OpenCV's order, which is what readers of 32FC3 assume. (type, channels) to encoding.
_ENCODINGS = {('uint8', 1): 'mono8', ('uint8', 3): 'bgr8',
              ('float32', 1): '32FC1', ('float32', 3): '32FC3', ('uint16', 1): 'mono16'}


def messages_of(deghosted: Deghosted, found: Found, node: str, outputs: Collection[str],
                settings: OutputSettings) -> list[Message]:
    """The messages that a node would have sent.

    Args:
        deghosted: What became of the bracket.
        found: The bracket, its camera info, and when it was complete.
        node: Full name of the node, in whose namespace the topics lie.
        outputs: Some of OUTPUTS.
        settings: Encoding of `hdr`, quality of JPEG.
    """
    header = _header(deghosted.bracket.reference)
    made = {}
    if 'image' in outputs:
        made['image'] = _image(header, deghosted.image)
    if 'hdr' in outputs:
        made['hdr'] = _hdr(header, deghosted, settings.hdr_encoding)
    if 'image/compressed' in outputs:
        made['image/compressed'] = _jpeg(header, deghosted.image, settings.jpeg_quality)
    if 'camera_info' in outputs and found.camera_info is not None:
        made['camera_info'] = dataclasses.replace(found.camera_info, header=header)
    return [
        Message(f'{node}/{name}', message.__msgtype__, found.stamp_ns,
                TYPES.serialize_cdr(message, message.__msgtype__))
        for name, message in made.items()
    ]


def _header(frame: Frame) -> Any:
    seconds, nanoseconds = divmod(frame.stamp_ns, 10**9)
    stamp = TYPES.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    return TYPES.types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame.frame_id)


def _hdr(header: Any, deghosted: Deghosted, encoding: str) -> Any:
    if encoding == '32FC3':
        return _image(header, deghosted.radiance)
    from ddfnet_ros.results.pictures import sixteen_bit  # noqa: PLC0415  (torch: 3 s)

    return _image(header, sixteen_bit(deghosted, log=encoding == 'rgb16_log'))


def _image(header: Any, pixels: np.ndarray[Any, Any]) -> Any:
    """(H, W) grey or (H, W, 3) RGB as an Image, blue first; 16 bits, red first."""
    channels = 1 if pixels.ndim == 2 else 3
    if pixels.dtype == np.uint16 and channels == 3:
        return _message(header, np.ascontiguousarray(pixels), 'rgb16')
    return _message(header, _blue_first(pixels), _ENCODINGS[pixels.dtype.name, channels])


def _message(header: Any, ordered: np.ndarray[Any, Any], encoding: str) -> Any:
    return TYPES.types['sensor_msgs/msg/Image'](
        header=header, height=ordered.shape[0], width=ordered.shape[1],
        encoding=encoding, is_bigendian=int(sys.byteorder == 'big'), step=ordered.strides[0],
        data=ordered.reshape(-1).view(np.uint8))


def _jpeg(header: Any, pixels: np.ndarray[Any, Any], quality: int) -> Any:
    ordered = _blue_first(pixels)
    encoded = cv2.imencode('.jpg', ordered, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    # As the node has it: nothing is said of what a grey JPEG holds.
    kind = 'mono8; jpeg compressed ' if ordered.ndim == 2 else 'bgr8; jpeg compressed bgr8'
    return TYPES.types['sensor_msgs/msg/CompressedImage'](
        header=header, format=kind, data=encoded.ravel())


def _blue_first(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., ::-1])
