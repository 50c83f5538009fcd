# SPDX-License-Identifier: Apache-2.0
"""When to stop before the schedule ends."""

from __future__ import annotations

import math
import signal
import time
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopFlag:
    """Raised by SIGTERM, SIGINT or when the time is up, within a `with`."""

    def __init__(self, minutes: float) -> None:
        """Start the clock.

        Args:
            minutes: Time to train; 0: any.
        """
        self._deadline = time.monotonic() + 60 * minutes if minutes else math.inf
        self._signalled = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopFlag:
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _stack: object) -> None:
        self._signalled = True

    @property
    def raised(self) -> bool:
        """Whether it is time to save and leave."""
        return self._signalled or time.monotonic() > self._deadline
