# SPDX-License-Identifier: Apache-2.0
"""Convert a fused bracket to messages on the topics that the node uses."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ddfnet_ros.bags.brackets import Found
from ddfnet_ros.bags.reading import Message
from ddfnet_ros.bags.types import TYPES
from ddfnet_ros.bracket import Frame
from ddfnet_ros.encodings import encoding_for, jpeg
from ddfnet_ros.settings import OutputSettings

if TYPE_CHECKING:
    from ddfnet_ros.runtime.deghosted import Deghosted

OUTPUTS = ('image', 'hdr', 'camera_info', 'image/compressed')


def messages_of(deghosted: Deghosted, found: Found, node: str, outputs: Collection[str],
                settings: OutputSettings) -> list[Message]:
    """Make the messages that a node would have sent.

    Args:
        deghosted: The fused bracket.
        found: The input bracket, its camera info and the time when it was complete.
        node: Full name of the node; the topics are in its namespace.
        outputs: Topics to write, of OUTPUTS.
        settings: Settings with the encoding of `hdr` and the quality of JPEG.
    """
    header = _header_of(deghosted.bracket.reference)
    messages = {}
    if 'image' in outputs:
        messages['image'] = _image_message(header, deghosted.image)
    if 'hdr' in outputs:
        messages['hdr'] = _hdr_message(header, deghosted, settings.hdr_encoding)
    if 'image/compressed' in outputs:
        messages['image/compressed'] = _jpeg_message(
            header, deghosted.image, settings.jpeg_quality)
    if 'camera_info' in outputs and found.camera_info is not None:
        messages['camera_info'] = dataclasses.replace(found.camera_info, header=header)
    return [
        Message(f'{node}/{name}', message.__msgtype__, found.stamp_ns,
                TYPES.serialize_cdr(message, message.__msgtype__))
        for name, message in messages.items()
    ]


def _header_of(frame: Frame) -> Any:
    seconds, nanoseconds = divmod(frame.stamp_ns, 10**9)
    stamp = TYPES.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    return TYPES.types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame.frame_id)


def _hdr_message(header: Any, deghosted: Deghosted, encoding: str) -> Any:
    if encoding == '32FC3':
        return _image_message(header, deghosted.radiance)
    from ddfnet_ros.results.pictures import sixteen_bit  # noqa: PLC0415  (torch: 3 s)

    return _image_message(header, sixteen_bit(deghosted, log=encoding == 'rgb16_log'))


def _image_message(header: Any, pixels: np.ndarray[Any, Any]) -> Any:
    """Make an Image message from (H, W) grey or (H, W, 3) RGB pixels."""
    encoding, blue_first = encoding_for(pixels)
    ordered = np.ascontiguousarray(pixels[..., ::-1] if blue_first else pixels)
    return TYPES.types['sensor_msgs/msg/Image'](
        header=header, height=ordered.shape[0], width=ordered.shape[1],
        encoding=encoding, is_bigendian=int(sys.byteorder == 'big'), step=ordered.strides[0],
        data=ordered.reshape(-1).view(np.uint8))


def _jpeg_message(header: Any, pixels: np.ndarray[Any, Any], quality: int) -> Any:
    format_, content = jpeg(pixels, quality)
    return TYPES.types['sensor_msgs/msg/CompressedImage'](
        header=header, format=format_, data=np.frombuffer(content, np.uint8))
