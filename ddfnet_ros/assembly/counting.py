# SPDX-License-Identifier: Apache-2.0
"""Unwrap frame counters of cameras, which wrap around and restart, and place frames by them."""

from __future__ import annotations

from typing import NamedTuple

from ddfnet_ros.assembly.sorting import OPEN_TURNS, FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Frame

_WRAP_SIZES = (2**8, 2**16, 2**32)  # numbers after which a counter wraps around
_CLEAR_MARGIN = 0.5  # steps by which another wrap size has to fit the time better


class Count(NamedTuple):
    """A frame counter value that can be compared with others.

    Attributes:
        epoch: Increases with every restart; numbers of different epochs cannot be compared.
        number: The counter without wrap-around.
    """

    epoch: int
    number: int


class FrameCounter:
    """Unwraps counter readings into `Count`; needs O(1) memory."""

    def __init__(self, size: int) -> None:
        """Take the number of frames in a bracket; a frame may be late by a few brackets."""
        self._size, self._window = size, OPEN_TURNS * size
        self._epoch = 0
        self._base = 0  # sum of all wrap-arounds
        self._wrap_size = 0  # known after the first wrap-around
        self._highest: int | None = None
        self._highest_ns = 0
        self._first_ns = 0  # when the counter was new, or first seen
        self._step_ns = 0.0  # mean time per count; 0: unknown
        self._resumes = False

    def jump(self) -> None:
        """Begin a new epoch after a time jump; the counter may continue at any value."""
        self._epoch += 1
        self._resumes = True

    def read(self, reading: int, stamp_ns: int) -> Count:
        """Unwrap one reading.

        If the counter goes back but time does not, it wrapped around or restarted. If time goes
        back but the counter does not, the frame is from before such an event.

        Raises:
            FrameError: the frame is too late to know what its reading means.
        """
        number = self._resume(reading, stamp_ns) if self._resumes else self._base + reading
        if self._highest is not None and stamp_ns < self._highest_ns:
            return self._unwrap_late(number, self._highest)
        if self._highest is not None and stamp_ns > self._highest_ns:
            number = self._unwrap_next(number, self._highest, stamp_ns - self._highest_ns)
        if self._highest is None or number > self._highest:
            self._advance(number, stamp_ns)
        return Count(self._epoch, number)

    def _unwrap_late(self, number: int, high: int) -> Count:
        """Unwrap a late frame of this epoch, which may be from before the last wrap-around."""
        if number > high and self._base:
            number -= self._wrap_size
        if not high - self._window < number <= high:
            raise FrameError('stale', 'the frame is from before a restart or very late')
        return Count(self._epoch, number)

    def _resume(self, reading: int, stamp_ns: int) -> int:
        """Unwrap the first reading after a time jump, which may undo wrap-arounds.

        The time since the last reading tells how far the counter is. A stamp far back, or before
        the counter began, means that a bag started again: then no wrap-around is counted.
        """
        high, self._highest, self._resumes = self._highest, None, False
        if high is not None and self._wrap_size and self._step_ns:
            ahead = (stamp_ns - self._highest_ns) / self._step_ns
            again = stamp_ns < self._first_ns or ahead < -self._wrap_size / 4
            wraps = 0 if again else round((high + ahead - reading) / self._wrap_size)
            self._base = wraps * self._wrap_size
        return self._base + reading

    def _unwrap_next(self, number: int, high: int, elapsed_ns: int) -> int:
        """Unwrap a reading after `high`, adding wrap-arounds since then, seen or not.

        If the counter goes back and no wrap-around explains it, it restarted: a new epoch begins.
        """
        known = (self._wrap_size,) if self._wrap_size else ()
        for turn in _WRAP_SIZES if number < high else known:
            if high - self._base < turn and (
                    ahead := self._steps_ahead(number, high, turn, elapsed_ns)):
                self._base += high + ahead - number
                return high + ahead
        if number >= high:
            return number
        reading = number - self._base
        self._epoch += 1
        self._base, self._highest = 0, None
        return reading

    def _steps_ahead(self, number: int, high: int, turn: int, elapsed_ns: int) -> int:
        """Steps from `high` to here with wrap-arounds of `turn` readings; 0 without wrap-around.

        Also tries a wrap size that is one smaller when the counter steps back, and takes it if the
        time fits clearly better: some counters, such as GigE Vision's, have no 0.
        """
        known = self._wrap_size if self._wrap_size in (turn, turn - 1) else turn
        other = 2 * turn - 1 - known if number < high and turn in _WRAP_SIZES else known
        steps = elapsed_ns / self._step_ns if self._step_ns else 0.0
        chosen = 0
        for one in (known, other):
            ahead = number + one * self._wraps(number, high, one, elapsed_ns) - high
            if ahead > 0 and (not chosen or (
                    ahead <= self._window  # near enough for the time to decide
                    and abs(steps - ahead) + _CLEAR_MARGIN < abs(steps - chosen))):
                self._wrap_size, chosen = one, ahead
        return chosen

    def _wraps(self, number: int, high: int, turn: int, elapsed_ns: int) -> int:
        """Number of wrap-arounds of `turn` counts that fits the elapsed time; 0 if none fits.

        To fit, the steps must agree with the elapsed time within N steps plus an eighth of them. A
        restart does so only by chance. For a counter near its start after a long silence, which
        has probably restarted, the eighth is not granted.
        """
        if not self._step_ns:
            return int(number < high and 0 < number + turn - high <= self._window)
        steps = elapsed_ns / self._step_ns
        wraps = round((steps - (number - high)) / turn)
        ahead = number + wraps * turn - high
        is_new = ahead > turn / 4 and number - self._base < self._window
        error = abs(steps - ahead)
        fits = error < self._size + (0 if is_new else min(ahead, turn) / 8)
        return wraps if wraps > 0 and ahead > 0 and fits else 0

    def _advance(self, number: int, stamp_ns: int) -> None:
        if self._highest is not None and stamp_ns > self._highest_ns:
            step_ns = (stamp_ns - self._highest_ns) / (number - self._highest)
            self._step_ns += (step_ns - self._step_ns) / (8 if self._step_ns else 1)
        if self._highest is None and not self._base:
            self._first_ns = stamp_ns
        self._highest, self._highest_ns = number, stamp_ns


class CounterPlacer:
    """Places frames by one counter of all frames alone: quotient and remainder modulo N."""

    ready = True

    def __init__(self, size: int, offset: int, by_topic: bool) -> None:
        """Take the settings.

        Args:
            size: Number of frames in a bracket.
            offset: Counter value of any first frame of a turn.
            by_topic: Whether each exposure has its own topic.
        """
        self._size, self._offset, self._by_topic = size, offset, by_topic
        self._counter = FrameCounter(size)

    def see(self, frame: Frame) -> Sighting:
        """Unwrap the frame's counter; raises FrameError."""
        if frame.sequence_id is None:
            raise FrameError('invalid', 'expected a frame with a counter, got none')
        return Sighting(frame, *self._counter.read(frame.sequence_id, frame.stamp_ns))

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame."""
        ordinal = sighting.number - self._offset
        position = ordinal % self._size
        place = sighting.frame.stream if self._by_topic else position
        return Spot(sighting.epoch, ordinal, position, place)

    def accept(self, frames: list[Frame]) -> None:
        """Accept all: there is nothing more to check."""

    def restart(self) -> None:
        """Let the counter continue at any value after a time jump."""
        self._counter.jump()
