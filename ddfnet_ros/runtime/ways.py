# SPDX-License-Identifier: Apache-2.0
"""Ways to fuse that need less and less memory, and which of them is taken now.

From best to least: as always; the same after caches were freed; where several cameras' brackets
are fused together, one by one; the network in bands of rows, 2, 4 and 8 of them (the same
picture); `fast` on the CPU; the reference frame alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SPARE = 'fast'
"""The model that takes over on the CPU."""

_FIRST_WAIT, _LONGEST_WAIT = 15, 1920  # brackets; the second is a minute at 30 Hz


@dataclass(frozen=True)
class Way:
    """One way to fuse.

    Attributes:
        name: Key that brackets are counted under.
        what: What is done, for people.
        bands: Number of bands of rows that the network runs on, one after the other.
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
    """Chooses the way to fuse.

    The way that worked is kept for the next brackets. After some brackets, twice as many each time
    that memory ran out again, the next better way is tried, until the best works again.

    Attributes:
        now: The way of the latest bracket. Other threads may read it.
    """

    def __init__(self, *, spare: bool) -> None:
        """Start with the best.

        Args:
            spare: Whether `fast` on the CPU is one of the ways.
        """
        self._all = [WHOLE, CACHES, SINGLE, *BANDS, *([ON_CPU] if spare else ()), REFERENCE]
        self._ways: Sequence[Way] = self._all
        self.now = WHOLE
        self._announced: set[str] = set()
        self._calm, self._wait = 0, _FIRST_WAIT  # brackets since memory ran out; to be waited for

    @property
    def problem(self) -> str:
        """What is done for lack of memory; '' while nothing has to be."""
        return f'out of memory: {self.now.what}' if self.now != WHOLE else ''

    @property
    def together(self) -> bool:
        """Whether, as far as is known, there is memory to fuse several brackets as a batch."""
        return self.now in (WHOLE, CACHES)

    def choose(self, *, divisible: bool, together: bool) -> None:
        """Keep the ways that make sense; where they change, start with the best.

        Args:
            divisible: Whether bands save memory.
            together: Whether brackets are ever fused as a batch.
        """
        ways = [way for way in self._all
                if (divisible or way.bands == 1) and (together or way != SINGLE)]
        if ways != self._ways:
            self._ways, self.now, self._calm = ways, WHOLE, 0

    def best(self) -> Way:
        """The best way that is worth trying now."""
        place = self._place(self.now)
        return self._ways[place - (place > 0 and self._calm >= self._wait)]

    def least(self, way: Way) -> Way:
        """The one of `way` and `now` that needs less memory; `now` may have changed meanwhile."""
        return max(way, self.now, key=self._place)

    def down_from(self, first: Way, *, together: bool = False) -> Iterator[Way]:
        """This way and those that need less memory, from more to less.

        Args:
            first: The first of them.
            together: Only those in which several brackets are fused as a batch.
        """
        for way in self._ways[self._place(first):]:
            if together and way not in (WHOLE, CACHES):
                return
            yield way

    def leave(self, way: Way, shortage: str) -> str:
        """Give a way up; returns what to log of the next one, '' where that was logged before.

        Args:
            way: The way that failed.
            shortage: The error's message.
        """
        below = self._ways[self._place(way) + 1:]
        if not below or below[0].name in self._announced:
            return ''
        self._announced.add(below[0].name)
        return f'out of memory: {below[0].what} ({shortage})'

    def settle(self, way: Way, brackets: int, *, ran_out: bool) -> str:
        """Stay with a way that worked; returns what to log, '' for nothing.

        Args:
            way: The way that worked.
            brackets: Number of brackets that were fused with it.
            ran_out: Whether a better way failed before.
        """
        if ran_out:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        climbs = self._place(way) < self._place(self.now)
        self._calm = 0 if ran_out or climbs else self._calm + brackets
        self.now = way
        if way != WHOLE or not self._announced or self._calm < self._wait:
            return ''
        self._announced.clear()
        self._wait = _FIRST_WAIT
        return 'there is memory again: fusing as always'

    def _place(self, way: Way) -> int:
        return self._ways.index(way)
