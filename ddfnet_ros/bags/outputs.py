# SPDX-License-Identifier: Apache-2.0
"""What became of a bracket, as messages under the names that the node gives them."""

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
from ddfnet_ros.encodings import jpeg, sent_as
from ddfnet_ros.settings import OutputSettings

if TYPE_CHECKING:
    from ddfnet_ros.runtime.deghosted import Deghosted

OUTPUTS = ('image', 'hdr', 'camera_info', 'image/compressed')


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
    """(H, W) grey or (H, W, 3) RGB as an Image."""
    encoding, blue_first = sent_as(pixels)
    ordered = np.ascontiguousarray(pixels[..., ::-1] if blue_first else pixels)
    return TYPES.types['sensor_msgs/msg/Image'](
        header=header, height=ordered.shape[0], width=ordered.shape[1],
        encoding=encoding, is_bigendian=int(sys.byteorder == 'big'), step=ordered.strides[0],
        data=ordered.reshape(-1).view(np.uint8))


def _jpeg(header: Any, pixels: np.ndarray[Any, Any], quality: int) -> Any:
    format_, content = jpeg(pixels, quality)
    return TYPES.types['sensor_msgs/msg/CompressedImage'](
        header=header, format=format_, data=np.frombuffer(content, np.uint8))
