# SPDX-License-Identifier: Apache-2.0
"""Checks that brackets are processed in time; names as in Autoware's detectors."""

from __future__ import annotations

import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ddfnet_ros.settings import OutputSettings


class Watchdog:
    """Compares processing times with two limits.

    A bracket that takes longer than `max_allowed_processing_time_ms` is late: a warning. Only
    late brackets for longer than `max_acceptable_consecutive_delay_ms` are an error. That time
    runs from the first to the last late bracket: silence afterwards is not the node's delay.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms: float | None = None
        self._late_since: float | None = None
        self._late_until = 0.0

    def reset(self) -> None:
        """Forget all brackets."""
        with self._lock:
            self._last_ms = self._late_since = None

    def note(self, processing_ms: float, settings: OutputSettings) -> None:
        """Record the processing time of one bracket [ms]."""
        limit_ms = settings.max_allowed_processing_time_ms
        with self._lock:
            self._last_ms = processing_ms
            self._late_until = time.monotonic()
            if not limit_ms or processing_ms <= limit_ms:
                self._late_since = None
            elif self._late_since is None:
                self._late_since = self._late_until

    def status(self, name: str, settings: OutputSettings) -> DiagnosticStatus:
        """Diagnostic status with Autoware's keys.

        Args:
            name: Name of the status.
            settings: Settings with the limits.
        """
        with self._lock:
            last_ms, late_since, late_until = self._last_ms, self._late_since, self._late_until
        allowed_ms = settings.max_allowed_processing_time_ms
        if not allowed_ms or (last_ms or 0.0) <= allowed_ms:  # the limit may have changed
            late_since = None
        delay_ms = 0.0 if late_since is None else (late_until - late_since) * 1e3
        limit_ms = settings.max_acceptable_consecutive_delay_ms
        in_time = late_since is None
        delay_ok = not limit_ms or delay_ms <= limit_ms
        level, message = DiagnosticStatus.OK, 'in time'
        if last_ms is None:
            message = 'waiting for the first bracket'
        elif not delay_ok:
            level = DiagnosticStatus.ERROR
            message = f'too slow for {delay_ms:.0f} ms; choose a faster model or device'
        elif not in_time:
            level = DiagnosticStatus.WARN
            message = f'expected {allowed_ms:g} ms or less, got {last_ms:.0f} ms'
        values = {
            'is_processing_time_ms_in_expected_range': str(in_time),
            'processing_time_ms': f'{last_ms or 0.0:.1f}',
            'is_consecutive_processing_delay_in_range': str(delay_ok),
            'consecutive_processing_delay_ms': f'{delay_ms:.1f}',
        }
        return DiagnosticStatus(
            name=name, level=level, message=message,
            values=[KeyValue(key=key, value=value) for key, value in values.items()])
