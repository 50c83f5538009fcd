# SPDX-License-Identifier: Apache-2.0
"""Stop training before the schedule ends: on a signal, or when the time is up."""

from __future__ import annotations

import math
import signal
import time
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopFlag:
    """Flag raised by SIGTERM, SIGINT or when the time is up; handles signals within a `with`."""

    def __init__(self, minutes: float) -> None:
        """Start the clock.

        Args:
            minutes: Time to train [min]; 0: unlimited.
        """
        self._deadline = time.monotonic() + 60 * minutes if minutes else math.inf
        self._signalled = False
        self._old_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopFlag:
        self._old_handlers = {
            number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _stack: object) -> None:
        self._signalled = True

    @property
    def raised(self) -> bool:
        """Whether it is time to save and stop."""
        return self._signalled or time.monotonic() > self._deadline
