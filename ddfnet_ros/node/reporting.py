# SPDX-License-Identifier: Apache-2.0
"""Tells /diagnostics, and the log, once in a while what a node is at."""

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
_STATM = '/proc/self/statm'  # second number: pages in memory


class Reporter:
    """Publishes the statuses that it is given, and logs what is wrong, but not every second."""

    def __init__(
        self, node: Node, period: float, describe: Callable[[], Iterable[DiagnosticStatus]]
    ) -> None:
        """Start.

        Args:
            node: Whose diagnostics they are.
            period: Between two of them [s].
            describe: Gives the statuses.

        Raises:
            ValueError: a QoS override that cannot be.
        """
        self._node, self._describe = node, describe
        self._last_warning = self._last_note = ''
        try:
            self._publisher = node.create_publisher(
                DiagnosticArray, '/diagnostics', 10,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
        except (RuntimeError, ParameterException) as error:
            raise ValueError(f'/diagnostics: {error}; correct qos_overrides') from error
        # Steady, because a paused bag stops the node's clock but must not silence the node.
        node.create_timer(period, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _report(self) -> None:
        array = DiagnosticArray(status=list(self._describe()))
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def log(self, level: bytes, message: str) -> None:
        """Log a warning unless it still holds, and a note unless it is of the last one's kind."""
        if level == DiagnosticStatus.WARN:
            if message != self._last_warning and self._node.get_logger().warning(
                    message, throttle_duration_sec=PROBLEM_LOG_PERIOD):
                self._last_warning = message
            return
        self._last_warning = ''
        kind = _NUMBER.sub('', message)  # notes have counts, which differ every time
        if message != diagnostics.ALL_WELL and kind != self._last_note:
            self._node.get_logger().info(message)
            self._last_note = kind


def engine_values(engine: Engine) -> list[KeyValue]:
    """Model, device and memory, and what was done where that ran out."""
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
