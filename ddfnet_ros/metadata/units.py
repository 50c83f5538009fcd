# SPDX-License-Identifier: Apache-2.0
"""Units of exposure times and gains, and what tells that one is not what it is taken for."""

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
_SHORTEST, _LONGEST = 1e-7, 60.0  # seconds; those of the exposure_times parameter
_LEAST, _MOST = 1e-3, 1e4  # gains that sensors have, generously
_JUMP = 1000.0  # from one unit to the next
_MARGIN = 2.0  # at least, by which exposure control may leave the times that are known
_PERSISTENCE = 4  # turns of refused exposures until they are believed


def seconds(value: float, unit: str, name: str) -> float:
    """An exposure time in seconds.

    Raises:
        ValueError: not positive, or not one of any camera.
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
    """A gain as a factor.

    Raises:
        ValueError: not one of any camera.
    """
    try:
        gain = LINEAR[unit](value)
    except OverflowError:
        gain = math.inf
    if not _LEAST <= gain <= _MOST:
        raise ValueError(f'{name}: expected a gain of {_LEAST:g} to {_MOST:g}, got {value:g} '
                         f'({unit}); check gain_unit')
    return gain


class UnitCheck:
    """Refuses exposure times far from those before: in another unit, for sure.

    Units are a thousand times each other, so the range of what is taken spans that much, and is
    as far from the least as from the most. Whatever lies within a factor of 2 is taken always.
    """

    def __init__(self, nominal: Sequence[float], size: int) -> None:
        """Take the configured times [s], if any, and the exposures of a bracket."""
        self._nominal, self._size = bool(nominal), size
        self._known: deque[float] = deque(nominal, maxlen=2 * size)
        self._refused: deque[float] = deque(maxlen=_PERSISTENCE * size)
        self._beside = 0  # refused times that are no unit away from any that is known

    def __call__(self, time: float, name: str) -> None:
        """Take one exposure time [s].

        Raises:
            ValueError: it is that far from all that are known. Where no times are configured,
                four turns in a row of such times are believed in the end; and so is the fourth
                time that, with all that are known, would still be within one unit.
        """
        if self._known and not self._expected(time):
            self._refused.append(time)
            if self._persist():
                self._known.clear()
            elif not self._belongs(time):
                raise ValueError(
                    f'{name}: expected times like {min(self._known):.4g} to '
                    f'{max(self._known):.4g} s, got {time:.4g} s, as if in another unit; check '
                    'exposure_unit and exposure_times')
        self._refused.clear()
        if not self._nominal:
            self._known.append(time)

    def _expected(self, time: float) -> bool:
        if not self._nominal and len(self._known) < self._size:
            # How far apart the exposures of a bracket are is not known before its end.
            return any(_alike(time, known) for known in self._known)
        least, most = min(self._known), max(self._known)
        margin = max(_MARGIN, math.sqrt(_JUMP * least / most))
        return least / margin <= time <= most * margin

    def _belongs(self, time: float) -> bool:
        """Whether it is an exposure of the bracket that was not among the first ones that came."""
        if self._nominal or not all(_alike(time, known) for known in self._known):
            return False
        self._beside = (self._beside + 1) % _PERSISTENCE
        return not self._beside

    def _persist(self) -> bool:
        full = len(self._refused) == self._refused.maxlen
        return full and not self._nominal and all(
            _alike(time, self._refused[-1]) for time in self._refused)


def _alike(time: float, other: float) -> bool:
    """Whether two times differ by less than a jump of units."""
    return max(time, other) < _JUMP * min(time, other)
