# SPDX-License-Identifier: Apache-2.0
"""Warnings about large images that Fast DDS would lose."""

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
    """Warning if the DDS profile in use needs more shared memory than is free; else ''."""
    wanted, free = wanted_bytes(environment), free_bytes()
    if free >= wanted:
        return ''
    return (f'expected {wanted / 2**20:.0f} MB or more in {SHARED_MEMORY} for the DDS profile, '
            f'got {free / 2**20:.0f} MB; large images will be lost (docker: --shm-size=2g)')


def large_image_warning(
    node: Node, input_bytes: Mapping[str, int], output_bytes: Mapping[str, int]
) -> str:
    """Warning if large images go best effort through the default profile; else ''.

    Args:
        node: Node whose subscriptions and subscribers are checked.
        input_bytes: Size of one message, by full name of the subscribed topic.
        output_bytes: Size of one message, by full name of the published topic.
    """
    if not is_default(get_rmw_implementation_identifier(), os.environ):
        return ''
    large = _topics_over_udp(input_bytes)
    for ours in node.subscriptions:
        if (ours.topic_name in large
                and ours.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT):
            return _format_warning(ours.topic_name, 'come', input_bytes[ours.topic_name])
    for topic in _topics_over_udp(output_bytes):
        for subscriber in node.get_subscriptions_info_by_topic(topic):
            if subscriber.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
                return _format_warning(topic, f'go to {subscriber.node_name}', output_bytes[topic])
    return ''


class LargeImageAdviser:
    """Logs `large_image_warning` once.

    Attributes:
        warning: The logged warning; '' before.
    """

    def __init__(self, node: Node) -> None:
        self._node, self.warning = node, ''

    def check(self, input_bytes: Mapping[str, int], output_bytes: Mapping[str, int]) -> None:
        """Log the warning if it applies and was not logged; see `large_image_warning`."""
        if not self.warning:
            self.warning = large_image_warning(self._node, input_bytes, output_bytes)
            if self.warning:
                self._node.get_logger().warning(self.warning)


def _topics_over_udp(sizes: Mapping[str, int]) -> list[str]:
    """Topics whose messages exceed shared memory and so go through UDP."""
    return [topic for topic, size in sizes.items() if size > DEFAULT_SEGMENT]


def _format_warning(topic: str, how: str, size: int) -> str:
    return (f'{topic}: images of {size / 1e6:.1f} MB {how} best effort through Fast DDS as it '
            f'comes, which loses them; {_REMEDY}')
