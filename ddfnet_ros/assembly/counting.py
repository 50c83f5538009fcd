# SPDX-License-Identifier: Apache-2.0
"""Frame counters as cameras have them: they wrap around, restart and arrive late."""

from __future__ import annotations

from typing import NamedTuple

_WIDTHS = (8, 16, 32)  # bits


class Count(NamedTuple):
    """A counter's reading that can be compared with others.

    Attributes:
        epoch: Rises with every restart; numbers of different epochs have nothing in common.
        number: The counter without wrap-around.
    """

    epoch: int
    number: int


class FrameCounter:
    """Turns readings into `Count`: O(1) memory."""

    def __init__(self, window: int) -> None:
        """Take how many frames one may be late, and how many may be lost at a wrap-around."""
        self._window = window
        self._epoch = 0
        self._base = 0  # what the wrap-arounds of this epoch add up to
        self._high: int | None = None
        self._high_ns = 0
        self._step_ns = 0.0  # mean time per count; 0: unknown

    def restart(self) -> None:
        """Begin a new epoch: the next reading is compared with none before."""
        self._epoch += 1
        self._base, self._high = 0, None

    def read(self, reading: int, stamp_ns: int) -> Count:
        """Unwrap one reading; a step back that is neither late nor a wrap-around is a restart."""
        number = self._base + reading
        if self._high is None or number > self._high:
            number = self._undo_late_wrap(number, stamp_ns)
        if self._high is not None and number < self._high and stamp_ns > self._high_ns:
            number = self._wrapped(number, stamp_ns)
        if self._high is None or number > self._high:
            self._advance(number, stamp_ns)
        return Count(self._epoch, number)

    def _undo_late_wrap(self, number: int, stamp_ns: int) -> int:
        """Where a frame from before the wrap-around comes late, the number it had then."""
        if self._high is not None and self._base and stamp_ns <= self._high_ns:
            for width in _WIDTHS:
                if 0 <= self._high - (number - 2**width) < self._window:
                    return number - 2**width
        return number

    def _wrapped(self, number: int, stamp_ns: int) -> int:
        """The number after a wrap-around; where it is a restart instead, that begins here.

        A wrap-around is a small step forward modulo the counter's width, in the time that such a
        step takes. A restart takes longer.
        """
        high = self._high or 0
        for width in _WIDTHS:
            ahead = number + 2**width - high
            patience = (ahead + self._window) * self._step_ns
            if (0 < ahead <= self._window and high - self._base < 2**width
                    and (not self._step_ns or stamp_ns - self._high_ns < patience)):
                self._base += 2**width
                return number + 2**width
        self.restart()
        return number - self._base

    def _advance(self, number: int, stamp_ns: int) -> None:
        if self._high is not None and stamp_ns > self._high_ns:
            step_ns = (stamp_ns - self._high_ns) / (number - self._high)
            self._step_ns += (step_ns - self._step_ns) / (8 if self._step_ns else 1)
        self._high, self._high_ns = number, stamp_ns
