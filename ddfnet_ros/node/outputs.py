# SPDX-License-Identifier: Apache-2.0
"""What the node publishes for each bracket."""

from __future__ import annotations

import copy
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from ddfnet_ros.node.serialising import header_of, image_cdr
from ddfnet_ros.runtime.deghoster import Deghosted

# Reliable, so that subscribers of either kind match. Few are kept: an image of 1080p in 32FC3 is
# 25 MB, and who is two brackets behind wants the newest.
_DEPTH = 2


class Outputs:
    """The publishers of `~/hdr`, `~/image` and `~/camera_info`; silent until activated."""

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._hdr = self._publisher(Image, '~/hdr')
        self._image = self._publisher(Image, '~/image')
        self._camera_info = self._publisher(CameraInfo, '~/camera_info')

    def publish(self, deghosted: Deghosted, camera_info: CameraInfo | None) -> None:
        """Publish one result under the header of its reference frame.

        Args:
            deghosted: What became of the bracket.
            camera_info: The latest of the reference frame's camera, where it sends any.
        """
        header = header_of(deghosted.bracket.reference)
        if camera_info is not None:
            relayed = copy.copy(camera_info)
            relayed.header = header
            self._camera_info.publish(relayed)
        # An image that nobody takes would cost its serialisation.
        if self._image.get_subscription_count():
            self._image.publish(image_cdr(header, deghosted.image))
        if self._hdr.get_subscription_count():
            self._hdr.publish(image_cdr(header, deghosted.radiance))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._hdr, self._image, self._camera_info):
            self._node.destroy_lifecycle_publisher(publisher)

    def _publisher(self, msgtype: type[Any], topic: str) -> LifecyclePublisher:
        return self._node.create_lifecycle_publisher(
            msgtype, topic, QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
