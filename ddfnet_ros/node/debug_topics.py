# SPDX-License-Identifier: Apache-2.0
"""Publishes times of every bracket under `~/debug`, with the names and types of Autoware."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Float64

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.matched_publisher import MatchedPublisher


def number_type() -> type[Any]:
    """Autoware's Float64Stamped; std_msgs/Float64 where Autoware is not installed."""
    try:
        stamped: type[Any] = import_module('autoware_internal_debug_msgs.msg').Float64Stamped
    except ImportError:
        return Float64
    return stamped


class DebugTopics:
    """Publishes three times per bracket [ms].

    `processing_time_ms` is how long the bracket took, `cyclic_time_ms` the time since the previous
    one, `pipeline_latency_ms` the age of the reference frame's stamp by the node's clock.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._type = number_type()
        self._topics = {
            name: MatchedPublisher(node, self._type, f'~/debug/{name}', qos_profile=1,
                           qos_overriding_options=QoSOverridingOptions.with_default_policies())
            for name in ('processing_time_ms', 'cyclic_time_ms', 'pipeline_latency_ms')
        }
        self._previous_at: float | None = None

    def reset(self) -> None:
        """Forget the previous bracket."""
        self._previous_at = None

    def publish(self, processing_ms: float, reference: Frame) -> None:
        """Publish the times of a bracket whose result has just been published.

        Args:
            processing_ms: Time from the start of its fusion until it was published [ms].
            reference: Its reference frame.
        """
        done, clock = time.monotonic(), self._node.get_clock().now()
        cyclic_ms = (done - (done if self._previous_at is None else self._previous_at)) * 1e3
        self._previous_at = done
        age_ms = (clock.nanoseconds - reference.stamp_ns) * 1e-6
        for matched, number in zip(
                self._topics.values(), (processing_ms, cyclic_ms, age_ms), strict=True):
            if matched:
                message = self._type(data=number)
                if hasattr(message, 'stamp'):
                    message.stamp = clock.to_msg()
                matched.publisher.publish(message)
