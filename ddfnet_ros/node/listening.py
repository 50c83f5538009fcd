# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that are as reliable as those who publish."""

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

# Reliable if all publishers of the moment are, or there is none, else best effort, which matches
# both. On Humble, which has no such policy, best effort.
_BEST_EFFORT = ReliabilityPolicy.BEST_EFFORT
_LIKE_PUBLISHERS = getattr(ReliabilityPolicy, 'BEST_AVAILABLE', _BEST_EFFORT)


class Listener:
    """One subscription; another one in its place when a publisher comes that it does not match.

    `qos_overrides` parameters win over all of this.

    Attributes:
        topic: Fully resolved name.
        msgtype: Class of the messages.
    """

    def __init__(self, node: Node, msgtype: type[Any], topic: str,
                 callback: Callable[[Any], None], depth: int) -> None:
        """Subscribe.

        Args:
            node: Whose subscription it is.
            msgtype: Class of the messages.
            topic: Name.
            callback: Called with each message.
            depth: Messages that wait, at most.
        """
        self._node, self._callback, self._depth = node, callback, depth
        self._name = topic  # not resolved: rcl applies remappings to what it is given, once more
        self.topic, self.msgtype = node.resolve_topic_name(topic), msgtype
        self._closed = False
        self._subscription = self._subscribed()

    def close(self) -> None:
        """Unsubscribe."""
        self._closed = True
        self._node.destroy_subscription(self._subscription)

    def follow(self) -> None:
        """Be reliable again, where all who publish have become so meanwhile.

        Only when it subscribes does rcl ask how reliable they are.
        """
        if self._lossy and (those := self._reliabilities()) and _BEST_EFFORT not in those:
            self._subscribe_anew()

    def _reliabilities(self) -> set[ReliabilityPolicy]:
        """Of those who publish."""
        return {info.qos_profile.reliability
                for info in self._node.get_publishers_info_by_topic(self.topic)}

    def _subscribe_anew(self) -> None:
        self._node.destroy_subscription(self._subscription)
        self._subscription = self._subscribed()

    def _subscribed(self) -> Subscription:
        self._lossy = _LIKE_PUBLISHERS != _BEST_EFFORT and _BEST_EFFORT in self._reliabilities()
        events = {}
        if _LIKE_PUBLISHERS != _BEST_EFFORT:
            events['event_callbacks'] = SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible)
        return self._node.create_subscription(
            self.msgtype, self._name, self._callback,
            QoSProfile(depth=self._depth, reliability=_LIKE_PUBLISHERS),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(), **events)

    def _on_incompatible(self, _event: Any) -> None:
        """A publisher came that is less reliable than this subscription."""
        if self._closed:  # meanwhile
            return
        if self._subscription.qos_profile.reliability == _LIKE_PUBLISHERS:
            self._subscribe_anew()
        else:
            self._node.get_logger().warning(
                f'{self.topic}: expected a reliable publisher, as qos_overrides says, got one of '
                'best effort; nothing will come from it')
