# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS will do with large images, said before it is seen."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier

from ddfnet_ros.fast_dds import (
    DEFAULT_SEGMENT,
    PROFILE_VARIABLES,
    SHARED_MEMORY,
    free_bytes,
    is_default,
    wanted_bytes,
)

_REMEDY = ('start all that exchange them with dds_profile:=shm, or with '
           f'{" and ".join(PROFILE_VARIABLES)}')


def shared_memory_warning(environment: Mapping[str, str] = os.environ) -> str:
    """Say so if the DDS profile in use wants more shared memory than there is; else nothing."""
    wanted, free = wanted_bytes(environment), free_bytes()
    if free >= wanted:
        return ''
    return (f'expected {wanted / 2**20:.0f} MB or more in {SHARED_MEMORY} for the DDS profile, '
            f'got {free / 2**20:.0f} MB; large images will be lost (docker: --shm-size=2g)')


def large_image_warning(
    node: Node, input_bytes: Mapping[str, int], output_bytes: Mapping[str, int]
) -> str:
    """Say so if large images meet the default profile on the way of best effort; else nothing.

    Args:
        node: Whose subscriptions and subscribers are looked at.
        input_bytes: Size of one message, by the topic that it comes on, in full.
        output_bytes: Size of one message, by the topic that it is published on, in full.
    """
    if not is_default(get_rmw_implementation_identifier(), os.environ):
        return ''
    large = _large(input_bytes)
    for ours in node.subscriptions:
        if (ours.topic_name in large
                and ours.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT):
            return _warning(ours.topic_name, 'come', input_bytes[ours.topic_name])
    for topic in _large(output_bytes):
        for subscriber in node.get_subscriptions_info_by_topic(topic):
            if subscriber.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
                return _warning(topic, f'go to {subscriber.node_name}', output_bytes[topic])
    return ''


class LargeImageAdviser:
    """Warns, once, of images that the DDS profile will lose.

    Attributes:
        said: The warning; '' before it.
    """

    def __init__(self, node: Node) -> None:
        self._node, self.said = node, ''

    def look(self, input_bytes: Mapping[str, int], output_bytes: Mapping[str, int]) -> None:
        """See `large_image_warning`."""
        if not self.said:
            self.said = large_image_warning(self._node, input_bytes, output_bytes)
            if self.said:
                self._node.get_logger().warning(self.said)


def _large(sizes: Mapping[str, int]) -> list[str]:
    """The topics whose messages go through UDP."""
    return [topic for topic, size in sizes.items() if size > DEFAULT_SEGMENT]


def _warning(topic: str, how: str, size: int) -> str:
    return (f'{topic}: images of {size / 1e6:.1f} MB {how} best effort through Fast DDS as it '
            f'comes, which loses them; {_REMEDY}')
