# SPDX-License-Identifier: Apache-2.0
"""Convert units of exposure times and gains, and detect a wrong unit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

SECONDS = {'s': 1.0, 'ms': 1e-3, '100us': 1e-4, 'us': 1e-6, 'ns': 1e-9}
# A linear gain multiplies brightness; in decibels, 20 are a factor of 10.
LINEAR: dict[str, Callable[[float], float]] = {
    'linear': lambda gain: gain,
    'db': lambda gain: 10 ** (gain / 20),
    '0.1db': lambda gain: 10 ** (gain / 200),
    '16ths': lambda gain: gain / 16,
    'iso': lambda gain: gain / 100,
}
_SHORTEST, _LONGEST = 1e-7, 60.0  # seconds; the bounds of the exposure_times parameter
_MIN_GAIN, _MAX_GAIN = 1e-3, 1e4  # generous bounds of sensor gains
_UNIT_STEP = 1000.0  # ratio of neighbouring units
_MARGIN = 2.0  # least factor by which exposure control may go beyond the known times
_PERSISTENCE = 4  # turns of refused exposures until they are accepted


def seconds(value: float, unit: str, name: str) -> float:
    """Convert an exposure time to seconds.

    Raises:
        ValueError: not positive, or out of the range of cameras.
    """
    time = value * SECONDS[unit]
    if value <= 0:
        raise ValueError(f'{name}: expected a positive number, got {value:g}; have the camera '
                         'send the exposure time')
    if not _SHORTEST <= time <= _LONGEST:
        raise ValueError(f'{name}: expected {_SHORTEST:g} to {_LONGEST:g} s, got {value:g} '
                         f'{unit}; check exposure_unit')
    return time


def linear_gain(value: float, unit: str, name: str) -> float:
    """Convert a gain to a factor.

    Raises:
        ValueError: out of the range of cameras.
    """
    try:
        gain = LINEAR[unit](value)
    except OverflowError:
        gain = math.inf
    if not _MIN_GAIN <= gain <= _MAX_GAIN:
        raise ValueError(f'{name}: expected a gain of {_MIN_GAIN:g} to {_MAX_GAIN:g}, got '
                         f'{value:g} ({unit}); check gain_unit')
    return gain


class UnitCheck:
    """Refuses exposure times that are so far from earlier ones that their unit must be wrong.

    Neighbouring units differ by a factor of 1000. So the accepted range spans this factor, placed
    evenly around the known times; a factor of 2 beyond them is always accepted.
    """

    def __init__(self, nominal: Sequence[float], size: int) -> None:
        """Take the configured times [s], if any, and the number of exposures in a bracket."""
        self._nominal, self._size = bool(nominal), size
        self._known: deque[float] = deque(nominal, maxlen=2 * size)
        self._refused: deque[float] = deque(maxlen=_PERSISTENCE * size)
        self._near_misses = 0  # refused times less than a unit from all known ones

    def __call__(self, time: float, name: str) -> None:
        """Check one exposure time [s].

        Raises:
            ValueError: it is too far from the known times. Without configured times, such times
                are accepted after four turns in a row; every fourth one is accepted if it is less
                than a unit from all known times.
        """
        if self._known and not self._is_expected(time):
            self._refused.append(time)
            if self._refused_long_enough():
                self._known.clear()
            elif not self._is_missing_exposure(time):
                raise ValueError(
                    f'{name}: expected times like {min(self._known):.4g} to '
                    f'{max(self._known):.4g} s, got {time:.4g} s, as if in another unit; check '
                    'exposure_unit and exposure_times')
        self._refused.clear()
        if not self._nominal:
            self._known.append(time)

    def _is_expected(self, time: float) -> bool:
        if not self._nominal and len(self._known) < self._size:
            # The range of the bracket's exposures is not known before its end.
            return any(_same_unit(time, known) for known in self._known)
        least, most = min(self._known), max(self._known)
        margin = max(_MARGIN, math.sqrt(_UNIT_STEP * least / most))
        return least / margin <= time <= most * margin

    def _is_missing_exposure(self, time: float) -> bool:
        """Whether to accept it as an exposure of the bracket that was missing so far."""
        if self._nominal or not all(_same_unit(time, known) for known in self._known):
            return False
        self._near_misses = (self._near_misses + 1) % _PERSISTENCE
        return not self._near_misses

    def _refused_long_enough(self) -> bool:
        full = len(self._refused) == self._refused.maxlen
        return full and not self._nominal and all(
            _same_unit(time, self._refused[-1]) for time in self._refused)


def _same_unit(time: float, other: float) -> bool:
    """Whether two times differ by less than one unit step."""
    return max(time, other) < _UNIT_STEP * min(time, other)
