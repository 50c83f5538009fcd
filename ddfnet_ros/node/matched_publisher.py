# SPDX-License-Identifier: Apache-2.0
"""Whether a publisher has subscribers: by matched events, or by asking where rclpy has none."""

from __future__ import annotations

import inspect
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher

try:
    from rclpy.event_handler import PublisherEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, UnsupportedEventTypeError


class MatchedPublisher:
    """A lifecycle publisher that is true while anybody listens.

    Attributes:
        publisher: The publisher itself.
    """

    def __init__(
        self, node: LifecycleNode, msgtype: type[Any], topic: str, **options: Any
    ) -> None:
        """Create the publisher.

        Args:
            node: Node that publishes.
            msgtype: Class of the messages.
            topic: Name of the topic.
            options: Other arguments of `create_lifecycle_publisher`, such as qos_profile.
        """
        self._subscribers: int | None = None
        create = node.create_lifecycle_publisher
        if 'matched' in inspect.signature(PublisherEventCallbacks).parameters:
            try:
                self.publisher: LifecyclePublisher = create(
                    msgtype, topic, **options,
                    event_callbacks=PublisherEventCallbacks(matched=self._on_matched))
                self._subscribers = 0
                return
            except UnsupportedEventTypeError:  # by this middleware
                pass
        self.publisher = create(msgtype, topic, **options)

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        if self._subscribers is None:
            return bool(self.publisher.get_subscription_count())
        return self._subscribers > 0

    def _on_matched(self, event: Any) -> None:
        self._subscribers = event.current_count
