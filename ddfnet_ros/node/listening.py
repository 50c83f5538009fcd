# SPDX-License-Identifier: Apache-2.0
"""Subscriptions whose reliability matches that of the publishers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

# Best available: reliable if all current publishers are or there is none, else best effort, which
# matches both. Humble lacks this policy: best effort there.
_BEST_EFFORT = ReliabilityPolicy.BEST_EFFORT
_LIKE_PUBLISHERS = getattr(ReliabilityPolicy, 'BEST_AVAILABLE', _BEST_EFFORT)


class Listener:
    """A subscription that is renewed when its reliability does not match the publishers.

    `qos_overrides` parameters take precedence.

    Attributes:
        topic: Fully resolved name of the topic.
        msgtype: Class of the messages.
    """

    def __init__(self, node: Node, msgtype: type[Any], topic: str,
                 callback: Callable[[Any], None], depth: int) -> None:
        """Subscribe.

        Args:
            node: Node that subscribes.
            msgtype: Class of the messages.
            topic: Name of the topic, not resolved.
            callback: Called with each message.
            depth: Depth of the queue.
        """
        self._node, self._callback, self._depth = node, callback, depth
        self._name = topic  # rcl would apply remappings a second time to a resolved name
        self.topic, self.msgtype = node.resolve_topic_name(topic), msgtype
        self._closed = False
        self._subscription = self._subscribe()

    def close(self) -> None:
        """Unsubscribe."""
        self._closed = True
        self._node.destroy_subscription(self._subscription)

    def update_reliability(self) -> None:
        """Subscribe anew as reliable if all publishers are reliable by now.

        rcl looks at the reliability of the publishers only when a subscription is created.
        """
        if self._lossy and (offered := self._offered()) and _BEST_EFFORT not in offered:
            self._resubscribe()

    def _offered(self) -> set[ReliabilityPolicy]:
        """Reliabilities of the current publishers."""
        return {info.qos_profile.reliability
                for info in self._node.get_publishers_info_by_topic(self.topic)}

    def _resubscribe(self) -> None:
        self._node.destroy_subscription(self._subscription)
        self._subscription = self._subscribe()

    def _subscribe(self) -> Subscription:
        self._lossy = _LIKE_PUBLISHERS != _BEST_EFFORT and _BEST_EFFORT in self._offered()
        events = {}
        if _LIKE_PUBLISHERS != _BEST_EFFORT:
            events['event_callbacks'] = SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible)
        return self._node.create_subscription(
            self.msgtype, self._name, self._callback,
            QoSProfile(depth=self._depth, reliability=_LIKE_PUBLISHERS),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(), **events)

    def _on_incompatible(self, _event: Any) -> None:
        """Handle a publisher that is less reliable than this subscription."""
        if self._closed:  # since the event
            return
        if self._subscription.qos_profile.reliability == _LIKE_PUBLISHERS:
            self._resubscribe()
        else:
            self._node.get_logger().warning(
                f'{self.topic}: expected a reliable publisher, as qos_overrides says, got one of '
                'best effort; nothing will come from it')
