# SPDX-License-Identifier: Apache-2.0
"""Frame counters as cameras have them: they wrap, restart and come late; and places by them."""

from __future__ import annotations

from typing import NamedTuple

from ddfnet_ros.assembly.sorting import OPEN_TURNS, FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Frame

_TURNS = (2**8, 2**16, 2**32)  # readings until a counter wraps around
_CLEARLY = 0.5  # steps by which another number of readings has to agree better with the time


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

    def __init__(self, size: int) -> None:
        """Take the frames in a bracket: by a few of these one may be late, or many be lost."""
        self._size, self._window = size, OPEN_TURNS * size
        self._epoch = 0
        self._base = 0  # what the wrap-arounds add up to
        self._turn = 0  # readings of the counter, once it wrapped around
        self._high: int | None = None
        self._high_ns = 0
        self._begin_ns = 0  # when the counter was new, or first seen
        self._step_ns = 0.0  # mean time per count; 0: unknown
        self._resumes = False

    def jump(self) -> None:
        """Time jumped: begin a new epoch wherever the counter is now."""
        self._epoch += 1
        self._resumes = True

    def read(self, reading: int, stamp_ns: int) -> Count:
        """Unwrap one reading.

        A step back in the counter but not in time is a wrap-around or a restart; one in time but
        not in the counter is a frame from before such an event.

        Raises:
            FrameError: the frame comes too late to say what its reading means.
        """
        number = self._resume(reading, stamp_ns) if self._resumes else self._base + reading
        if self._high is not None and stamp_ns < self._high_ns:
            return self._before(number, self._high)
        if self._high is not None and stamp_ns > self._high_ns:
            number = self._follow(number, self._high, stamp_ns - self._high_ns)
        if self._high is None or number > self._high:
            self._advance(number, stamp_ns)
        return Count(self._epoch, number)

    def _before(self, number: int, high: int) -> Count:
        """A late frame, of this epoch, maybe from before the last wrap-around."""
        if number > high and self._base:
            number -= self._turn
        if not high - self._window < number <= high:
            raise FrameError('stale', 'the frame is from before a restart or very late')
        return Count(self._epoch, number)

    def _resume(self, reading: int, stamp_ns: int) -> int:
        """The number after a jump of time, where the wrap-arounds may be undone.

        The time since the last reading tells how far the counter is. From far back, or before it
        began, a bag is taken to have started again, as it did the first time.
        """
        high, self._high, self._resumes = self._high, None, False
        if high is not None and self._turn and self._step_ns:
            ahead = (stamp_ns - self._high_ns) / self._step_ns
            again = stamp_ns < self._begin_ns or ahead < -self._turn / 4
            wraps = 0 if again else round((high + ahead - reading) / self._turn)
            self._base = wraps * self._turn
        return self._base + reading

    def _follow(self, number: int, high: int, elapsed_ns: int) -> int:
        """The number after `high` and the wrap-arounds, seen or not, since then.

        Wherever the counter steps back and not as far as it would have wrapped around, it began
        anew, and so does the epoch.
        """
        for turn in _TURNS if number < high else (self._turn,) if self._turn else ():
            if high - self._base < turn and (
                    ahead := self._ahead(number, high, turn, elapsed_ns)):
                self._base += high + ahead - number
                return high + ahead
        if number >= high:
            return number
        reading = number - self._base
        self._epoch += 1
        self._base, self._high = 0, None
        return reading

    def _ahead(self, number: int, high: int, turn: int, elapsed_ns: int) -> int:
        """Steps from `high`, with wrap-arounds of so many readings; 0 where there was none.

        Where the time says so clearly, one reading less: some counters, as of GigE Vision, have
        no 0. That is looked at where a counter steps back.
        """
        known = self._turn if self._turn in (turn, turn - 1) else turn
        other = 2 * turn - 1 - known if number < high and turn in _TURNS else known
        steps = elapsed_ns / self._step_ns if self._step_ns else 0.0
        chosen = 0
        for one in (known, other):
            ahead = number + one * self._wraps(number, high, one, elapsed_ns) - high
            if ahead > 0 and (not chosen or (
                    ahead <= self._window  # from so near the time tells
                    and abs(steps - ahead) + _CLEARLY < abs(steps - chosen))):
                self._turn, chosen = one, ahead
        return chosen

    def _wraps(self, number: int, high: int, turn: int, elapsed_ns: int) -> int:
        """Wrap-arounds of so many counts that the time tells of; 0 where it tells of none.

        A step forward, modulo the counter's width, in the time that such a step takes, give or
        take a turn of the cycle. A restart hits that by chance alone; a counter that is nearly new
        after a long silence is taken for one, unless the time is exact.
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
        if self._high is not None and stamp_ns > self._high_ns:
            step_ns = (stamp_ns - self._high_ns) / (number - self._high)
            self._step_ns += (step_ns - self._step_ns) / (8 if self._step_ns else 1)
        if self._high is None and not self._base:
            self._begin_ns = stamp_ns
        self._high, self._high_ns = number, stamp_ns


class CounterPlacer:
    """Places by nothing but one counter of all frames, divided by the size of a bracket."""

    ready = True

    def __init__(self, size: int, offset: int, by_topic: bool) -> None:
        """Take the size, the counter of any first frame, whether topics are places."""
        self._size, self._offset, self._by_topic = size, offset, by_topic
        self._counter = FrameCounter(size)

    def see(self, frame: Frame) -> Sighting:
        """Follow the counter; raises FrameError."""
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
        """Nothing more to check."""

    def restart(self) -> None:
        """The counter may go on anywhere."""
        self._counter.jump()
