# SPDX-License-Identifier: Apache-2.0
"""Publishes the results of each bracket; messages that nobody listens to are not built."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node.bracket_info import bracket_info
from ddfnet_ros.node.fused import Fused
from ddfnet_ros.node.matched_publisher import MatchedPublisher
from ddfnet_ros.node.point_cloud import MissingPackageError, point_cloud
from ddfnet_ros.node.serialising import header_of, image_cdr, jpeg_message
from ddfnet_ros.results.pictures import flow_picture, sixteen_bit
from ddfnet_ros.runtime.memory import is_shortage

# Reliable, so that subscribers of either kind match. The queue is short: a 1080p image in 32FC3
# has 25 MB, and a subscriber that is two brackets behind wants the newest.
_DEPTH = 2


class _Output(NamedTuple):
    """An output topic.

    Attributes:
        topic: Name of the topic.
        msgtype: Class of its messages.
        build: Builds the message of a result; bytes are a serialised message.
    """

    topic: str
    msgtype: type[Any]
    build: Callable[[Fused], Any]


class Outputs:
    """The publishers of all results; silent until the node is active.

    They are published one after the other: first what other nodes use, last what helps debugging.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._logged: set[str] = set()
        self._camera_info = self._matched_publisher(CameraInfo, '~/camera_info')
        name = f'{node.get_fully_qualified_name()}: bracket'
        self._results = [
            (self._matched_publisher(output.msgtype, output.topic), output) for output in (
                _Output('~/image', Image, _image_of(lambda fused: fused.deghosted.image)),
                _Output('~/hdr', Image, _image_of(_encoded_radiance)),
                _Output('~/image/compressed', CompressedImage, lambda fused: jpeg_message(
                    fused.header, fused.deghosted.image, fused.settings.jpeg_quality)),
                _Output('~/bracket_info', DiagnosticArray, partial(bracket_info, name)),
                _Output('~/moving_points', PointCloud2, point_cloud),
                _Output('~/flow', Image, _image_of(lambda fused: flow_picture(fused.deghosted))),
                _Output('~/reference_share', Image, _image_of(
                    lambda fused: _to_grey(fused.shares[fused.bracket.reference_index]))),
                _Output('~/fusion_weights', Image, _image_of(
                    lambda fused: _to_grey(np.concatenate(fused.shares)))),
            )
        ]

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to a topic that a bracket has to be fused for."""
        return any(matched for matched, _ in self._results)

    def relay(self, camera_info: CameraInfo | None, reference: Frame) -> None:
        """Publish the camera info, if there is one, under the header of the reference frame."""
        if camera_info is not None and self._camera_info:
            self._camera_info.publisher.publish(_with_header(header_of(reference), camera_info))

    def publish(self, fused: Fused) -> None:
        """Publish one result to all who listen, under the header of its reference frame."""
        self.relay(fused.camera_info, fused.bracket.reference)
        for matched, output in self._results:
            if matched and (message := self._build_message(output, fused)) is not None:
                matched.publisher.publish(message)

    def bytes_of(self, bracket: Bracket, hdr_encoding: str) -> dict[str, int]:
        """Size of the pixels of each output image, by full topic name.

        Args:
            bracket: Any bracket with the image size and number of frames in question.
            hdr_encoding: Encoding of ~/hdr.
        """
        pixels = bracket.reference.pixels
        area = pixels.shape[0] * pixels.shape[1]
        sizes = {'~/image': pixels.size,
                 '~/hdr': pixels.size * (4 if hdr_encoding == '32FC3' else 2),
                 '~/flow': 3 * area, '~/reference_share': area,
                 '~/fusion_weights': len(bracket.frames) * area}
        return {matched.publisher.topic_name: sizes[output.topic]
                for matched, output in self._results if output.topic in sizes}

    def _build_message(self, output: _Output, fused: Fused) -> Any:
        """Build a message; where that is impossible, log why and return None."""
        try:
            return output.build(fused)
        except Exception as error:
            if is_shortage(error):  # shares need one more run of the network, other outputs less
                self._log_once(f'{output.topic}: left out, there is too little memory to make it')
            elif isinstance(error, MissingPackageError | ValueError):
                self._log_once(f'{output.topic}: {error}')
            else:
                raise
            return None

    def _log_once(self, complaint: str) -> None:
        if complaint not in self._logged:
            self._logged.add(complaint)
            self._node.get_logger().error(complaint)

    def _matched_publisher(self, msgtype: type[Any], topic: str) -> MatchedPublisher:
        return MatchedPublisher(
            self._node, msgtype, topic,
            qos_profile=QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )


def _image_of(pixels: Callable[[Fused], npt.NDArray[Any]]) -> Callable[[Fused], bytes]:
    """Return a function that serialises pixels as an Image, reusing one buffer."""
    buffer = io.BytesIO()
    return lambda fused: image_cdr(fused.header, pixels(fused), buffer)


def _encoded_radiance(fused: Fused) -> npt.NDArray[Any]:
    """Radiance in the encoding of the settings."""
    encoding = fused.settings.hdr_encoding
    if encoding == '32FC3':
        return fused.deghosted.radiance
    return sixteen_bit(fused.deghosted, log=encoding == 'rgb16_log')


def _to_grey(share: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.rint(share * 255).astype(np.uint8)


def _with_header(header: Header, camera_info: CameraInfo) -> CameraInfo:
    relayed = copy.copy(camera_info)
    relayed.header = header
    return relayed
