# SPDX-License-Identifier: Apache-2.0
"""Who listens to a publisher: told by the middleware where rclpy can, asked for where not."""

from __future__ import annotations

import inspect
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher

try:
    from rclpy.event_handler import PublisherEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, UnsupportedEventTypeError


class MatchedPublisher:
    """A lifecycle publisher that knows whether anybody listens.

    Attributes:
        publisher: The publisher itself.
    """

    def __init__(
        self, node: LifecycleNode, msgtype: type[Any], topic: str, **options: Any
    ) -> None:
        """Create the publisher.

        Args:
            node: Whose publisher it is.
            msgtype: Of its messages.
            topic: Its name.
            options: What `create_lifecycle_publisher` takes besides, such as qos_profile.
        """
        self._count: int | None = None
        create = node.create_lifecycle_publisher
        if 'matched' in inspect.signature(PublisherEventCallbacks).parameters:
            try:
                self.publisher: LifecyclePublisher = create(
                    msgtype, topic, **options,
                    event_callbacks=PublisherEventCallbacks(matched=self._on_matched))
                self._count = 0
                return
            except UnsupportedEventTypeError:  # by this middleware
                pass
        self.publisher = create(msgtype, topic, **options)

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        if self._count is None:
            return bool(self.publisher.get_subscription_count())
        return self._count > 0

    def _on_matched(self, event: Any) -> None:
        self._count = event.current_count
