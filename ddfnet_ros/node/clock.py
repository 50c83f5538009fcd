# SPDX-License-Identifier: Apache-2.0
"""Handles messages on /clock that hold no time."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

_LOG_PERIOD = 10.0  # seconds between two lines


def ignore_invalid_clock(node: Node) -> None:
    """Skip negative times with a warning: rclpy raises, which would end the process."""
    source: Any = node._time_source
    handle = source.clock_callback

    def handle_or_skip(message: Any) -> None:
        try:
            handle(message)
        except ValueError as error:
            node.get_logger().warning(f'/clock: expected a time, got: {error}; skipped',
                                      throttle_duration_sec=_LOG_PERIOD)

    source.clock_callback = handle_or_skip  # for subscriptions to come
    if source._clock_sub is not None:
        source._clock_sub.callback = handle_or_skip
