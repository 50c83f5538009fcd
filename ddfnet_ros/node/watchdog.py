# SPDX-License-Identifier: Apache-2.0
"""Whether brackets are done in time, in the words of Autoware's detectors."""

from __future__ import annotations

import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ddfnet_ros.settings import OutputSettings


class Watchdog:
    """Compares processing times with two limits.

    One bracket that takes longer than `max_allowed_processing_time_ms` is a warning; when they
    have been too slow for longer than `max_acceptable_consecutive_delay_ms` it is an error.
    That is counted from bracket to bracket: a silence after a late one is no delay of the node's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms: float | None = None
        self._late_since: float | None = None
        self._late_until = 0.0

    def reset(self) -> None:
        """Know of no bracket, as before the first one."""
        with self._lock:
            self._last_ms = self._late_since = None

    def note(self, processing_ms: float, settings: OutputSettings) -> None:
        """Take note of one bracket."""
        limit_ms = settings.max_allowed_processing_time_ms
        with self._lock:
            self._last_ms = processing_ms
            self._late_until = time.monotonic()
            if not limit_ms or processing_ms <= limit_ms:
                self._late_since = None
            elif self._late_since is None:
                self._late_since = self._late_until

    def status(self, name: str, settings: OutputSettings) -> DiagnosticStatus:
        """Judge, under Autoware's keys.

        Args:
            name: Of the status.
            settings: The limits.
        """
        with self._lock:
            last_ms, late_since, late_until = self._last_ms, self._late_since, self._late_until
        allowed_ms = settings.max_allowed_processing_time_ms
        if not allowed_ms or (last_ms or 0.0) <= allowed_ms:  # the limit may be new
            late_since = None
        delay_ms = 0.0 if late_since is None else (late_until - late_since) * 1e3
        limit_ms = settings.max_acceptable_consecutive_delay_ms
        in_time = late_since is None
        bearable = not limit_ms or delay_ms <= limit_ms
        level, message = DiagnosticStatus.OK, 'in time'
        if last_ms is None:
            message = 'waiting for the first bracket'
        elif not bearable:
            level = DiagnosticStatus.ERROR
            message = f'too slow for {delay_ms:.0f} ms; choose a faster model or device'
        elif not in_time:
            level = DiagnosticStatus.WARN
            message = f'expected {allowed_ms:g} ms or less, got {last_ms:.0f} ms'
        values = {
            'is_processing_time_ms_in_expected_range': str(in_time),
            'processing_time_ms': f'{last_ms or 0.0:.1f}',
            'is_consecutive_processing_delay_in_range': str(bearable),
            'consecutive_processing_delay_ms': f'{delay_ms:.1f}',
        }
        return DiagnosticStatus(
            name=name, level=level, message=message,
            values=[KeyValue(key=key, value=value) for key, value in values.items()])
