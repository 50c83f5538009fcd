# SPDX-License-Identifier: Apache-2.0
"""Publishes the state of a node on /diagnostics periodically, and logs problems."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from ddfnet_ros.node import diagnostics
from ddfnet_ros.node.engine import Engine

PROBLEM_LOG_PERIOD = 10.0  # seconds between two lines about drops or silence
_NUMBER = re.compile(r'\d+')
_STATM = '/proc/self/statm'  # second number: resident pages


class Reporter:
    """Publishes diagnostic statuses periodically, and logs problems without repeating them."""

    def __init__(
        self, node: Node, period: float, describe: Callable[[], Iterable[DiagnosticStatus]]
    ) -> None:
        """Start the timer.

        Args:
            node: Node that publishes.
            period: Time between two messages [s].
            describe: Returns the statuses to publish.

        Raises:
            ValueError: an invalid QoS override of /diagnostics.
        """
        self._node, self._describe = node, describe
        self._last_warning = self._last_note = ''
        try:
            self._publisher = node.create_publisher(
                DiagnosticArray, '/diagnostics', 10,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
        except (RuntimeError, ParameterException) as error:
            raise ValueError(f'/diagnostics: {error}; correct qos_overrides') from error
        # Steady clock: a paused bag stops the node's clock, but diagnostics must go on.
        node.create_timer(period, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _report(self) -> None:
        array = DiagnosticArray(status=list(self._describe()))
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def log(self, level: bytes, message: str) -> None:
        """Log a warning unless it is unchanged; other messages unless only numbers changed."""
        if level == DiagnosticStatus.WARN:
            if message != self._last_warning and self._node.get_logger().warning(
                    message, throttle_duration_sec=PROBLEM_LOG_PERIOD):
                self._last_warning = message
            return
        self._last_warning = ''
        kind = _NUMBER.sub('', message)  # counts differ every time
        if message != diagnostics.ALL_WELL and kind != self._last_note:
            self._node.get_logger().info(message)
            self._last_note = kind


def engine_values(engine: Engine) -> list[KeyValue]:
    """Values about model, device, memory and the fallbacks when memory ran out."""
    values = {'model': engine.model_name, 'device': engine.device,
              'precision': engine.precision, 'backend': engine.backend}
    values |= {f'out_of_memory.{way}': f'{n}' for way, n in engine.fallbacks.items()}
    try:
        with open(_STATM, encoding='ascii') as file:
            pages = int(file.read().split()[1])
        values['memory_mb'] = f'{pages * os.sysconf("SC_PAGE_SIZE") / 2**20:.0f}'
    except OSError:  # not Linux
        pass
    if engine.device.startswith('cuda'):
        values['device_memory_mb'] = f'{torch.cuda.memory_allocated(engine.device) / 2**20:.0f}'
    return [KeyValue(key=key, value=value) for key, value in values.items()]
