# SPDX-License-Identifier: Apache-2.0
"""Ways to fuse that need less and less memory, and which of them is taken now.

From best to least: as always; the same after caches were freed; where several cameras' brackets
are fused together, one by one; the network in bands of rows, 2, 4 and 8 of them (the same
picture); `fast` on the CPU; the reference frame alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SPARE = 'fast'
"""The model that takes over on the CPU."""

_FIRST_WAIT, _LONGEST_WAIT = 15, 1920  # brackets; the second is a minute at 30 Hz

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """One way to fuse.

    Attributes:
        name: What it is counted under.
        what: What is done, for people.
        bands: Of rows that the network takes one after the other.
    """

    name: str
    what: str
    bands: int = 1


WHOLE = Way('whole', 'fusing as always')
CACHES = Way('caches', 'freed caches, fusing as always')
SINGLE = Way('single', 'fusing brackets one by one')
BANDS = tuple(Way('bands', 'the network runs in bands of rows', bands) for bands in (2, 4, 8))
ON_CPU = Way('cpu', f'fusing with {SPARE} on the CPU')
REFERENCE = Way('reference', 'the reference frame is all there is')


class Ladder:
    """Which way is taken.

    The one that worked is that of the next brackets too. After some of them, twice as many each
    time that memory ran out again, the next better one is tried, until the best works again.

    Attributes:
        now: The way of the latest bracket. Other threads may look at it.
        log: Told of each way, once, when it has to be taken, and of the return to the best.
    """

    def __init__(self, *, spare: bool) -> None:
        """Begin with the best.

        Args:
            spare: Whether `fast` on the CPU is one of them.
        """
        self.log: Callable[[str], object] = _log.warning
        self._all = [WHOLE, CACHES, SINGLE, *BANDS, *([ON_CPU] if spare else ()), REFERENCE]
        self._ways: Sequence[Way] = self._all
        self.now = WHOLE
        self._told: set[str] = set()
        self._calm, self._wait = 0, _FIRST_WAIT  # brackets since memory ran out; to be waited for

    @property
    def names(self) -> list[str]:
        """What brackets are counted under, each name once, from the best to the least."""
        return list(dict.fromkeys(way.name for way in self._all))

    @property
    def problem(self) -> str:
        """What is done for lack of memory; '' where nothing has to be."""
        return f'out of memory: {self.now.what}' if self.now != WHOLE else ''

    @property
    def together(self) -> bool:
        """Whether there is memory to fuse several brackets together, as far as is known."""
        return self.now in (WHOLE, CACHES)

    def choose(self, *, divisible: bool, together: bool) -> None:
        """Keep the ways that make sense; where they change, begin with the best.

        Args:
            divisible: Whether bands save memory.
            together: Whether brackets are ever fused together.
        """
        ways = [way for way in self._all
                if (divisible or way.bands == 1) and (together or way != SINGLE)]
        if ways != self._ways:
            self._ways, self.now, self._calm = ways, WHOLE, 0

    def best(self) -> Way:
        """The best that is worth trying."""
        place = self._place(self.now)
        return self._ways[place - (place > 0 and self._calm >= self._wait)]

    def least(self, way: Way) -> Way:
        """Of this one and that of now; another bracket may have had less memory meanwhile."""
        return max(way, self.now, key=self._place)

    def down_from(self, first: Way, *, together: bool = False) -> Iterator[Way]:
        """This way and those that need less memory.

        Args:
            first: To begin with.
            together: Only those in which several brackets are fused together.
        """
        for way in self._ways[self._place(first):]:
            if together and way not in (WHOLE, CACHES):
                return
            yield way

    def leave(self, way: Way, said: str) -> None:
        """Tell of the next way, after this one has failed."""
        below = self._ways[self._place(way) + 1:]
        if below and below[0].name not in self._told:
            self._told.add(below[0].name)
            self.log(f'out of memory: {below[0].what} ({said})')

    def settle(self, way: Way, brackets: int, *, ran_out: bool) -> None:
        """Stay with a way, and remember for how many brackets nothing has run out."""
        if ran_out:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        climbs = self._place(way) < self._place(self.now)
        self._calm = 0 if ran_out or climbs else self._calm + brackets
        self.now = way
        if way == WHOLE and self._told and self._calm >= self._wait:
            self.log('there is memory again: fusing as always')
            self._told.clear()
            self._wait = _FIRST_WAIT

    def _place(self, way: Way) -> int:
        return self._ways.index(way)
