# SPDX-License-Identifier: Apache-2.0
"""The camera's rhythm: how long its cycle takes, and when in it each exposure comes."""

from __future__ import annotations

import cmath
import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EVIDENCE = 12  # intervals after which a period counts as known: at 30 % loss, one error in 2e6
_CLEAR_PAUSE = 2.0  # times the longest other interval: the camera rests between two turns
_DOUBTFUL_PAUSE = 1.5
_REACH = 1.5  # periods over which an error of the period does not yet matter
_ACCORD = 0.5  # length of the mean of unit vectors at a label's phases: 1 if all are the same


class Beat(NamedTuple):
    """One frame, as far as the rhythm is concerned.

    Attributes:
        segment: Rises with every jump of time or counter; beats of two are not compared.
        stamp_ns: When.
        label: Which exposure, 0 to N - 1.
        shutter_ns: For how long; 0 where unknown.
        turn: Turns of the cycle by a counter, which may start anywhere; None without one.
    """

    segment: int
    stamp_ns: int
    label: int
    shutter_ns: float = 0.0
    turn: float | None = None


class Template(NamedTuple):
    """One turn of the cycle.

    Attributes:
        period_ns: Time of a turn.
        offsets_ns: By label, when its frame comes after the turn's first one.
    """

    period_ns: float
    offsets_ns: tuple[float, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Labels in the order in which they come."""
        return tuple(sorted(range(len(self.offsets_ns)), key=self.offsets_ns.__getitem__))


class Rhythm:
    """Learns a `Template` from the last turns; bounded memory, O(N) per frame."""

    def __init__(self, size: int, turns: int = 8) -> None:
        """Take the number of exposures, and the turns to remember at least."""
        self._size = size
        self._length = max(turns * size, 2 * EVIDENCE + 2 * size)
        self._beats: list[Beat] = []
        self._first: dict[tuple[int, ...], int] = {}

    def note(self, beat: Beat) -> None:
        """Remember a frame, which may come late."""
        insort(self._beats, beat, key=_moment)
        del self._beats[:-self._length]

    @property
    def full(self) -> bool:
        """Whether more frames would tell no more."""
        return len(self._beats) == self._length

    def period_ns(self) -> float | None:
        """Time of a turn; None while too little was seen, or what was seen is contradictory.

        Without a counter, intervals between frames of one exposure may be longer because frames
        between them were lost, but a period never looks shorter: the shortest fifth tells it. A
        much shorter one among the latest means that the camera changed.
        """
        intervals = self._intervals()
        if self._beats and self._beats[-1].turn is not None:
            intervals = intervals[-2 * self._size:]
            rank = len(intervals) // 2
        else:
            rank = len(intervals) // 5
            if len(intervals) < EVIDENCE:
                return None
        if not intervals:
            return None
        longest = 1.5 * sorted(intervals)[rank]
        near = [interval for interval in intervals if interval <= longest]
        period_ns = sum(near) / len(near)
        return period_ns if min(intervals[-2 * self._size:]) > 0.6 * period_ns else None

    def _intervals(self) -> list[float]:
        """Times between two frames of one exposure, per turn where turns are counted."""
        intervals: list[float] = []
        latest: dict[tuple[int, int], Beat] = {}
        for beat in self._beats:
            before = latest.get((beat.segment, beat.label))
            latest[beat.segment, beat.label] = beat
            if before is not None and beat.stamp_ns > before.stamp_ns:
                turns = 1.0
                if beat.turn is not None and before.turn is not None:
                    turns = max(1.0, beat.turn - before.turn)
                intervals.append((beat.stamp_ns - before.stamp_ns) / turns)
        return intervals

    def template(self, period_ns: float, first: int | None = None) -> Template | None:
        """When each exposure comes; None where that is not clear (yet).

        Args:
            period_ns: Time of a turn.
            first: Label that begins a turn; None: the one after a clear pause, else, of a cycle
                that runs from short to long or from long to short, its first.
        """
        offsets_ns = self._offsets(period_ns)
        if offsets_ns is None:
            return None
        order = tuple(sorted(range(self._size), key=offsets_ns.__getitem__))
        if first is None:
            first = self._first_of(order, offsets_ns, period_ns)
        if first is None:
            return None
        start_ns = offsets_ns[first]
        return Template(period_ns, tuple((o - start_ns) % period_ns for o in offsets_ns))

    def _offsets(self, period_ns: float) -> list[float] | None:
        """By label, the mean time after label 0, modulo the period."""
        zeros = [beat for beat in self._beats if beat.label == 0]
        phases = [0j] * self._size
        counts = [0] * self._size
        for beat in self._beats:
            turns = _since_nearest(zeros, beat) / period_ns
            if abs(turns) < _REACH:
                phases[beat.label] += cmath.exp(2j * math.pi * turns)
                counts[beat.label] += 1
        # Several kinds of offsets under one label would mean that the period is wrong, as would
        # one of label 0 after itself that is no whole number of turns.
        accords = [phases[0].real, *map(abs, phases[1:])]
        if not all(n and accord > _ACCORD * n for accord, n in zip(accords, counts, strict=True)):
            return None
        return [0.0, *(cmath.phase(phase) / (2 * math.pi) % 1 * period_ns for phase in phases[1:])]

    def _first_of(self, order: tuple[int, ...], offsets_ns: Sequence[float],
                  period_ns: float) -> int | None:
        """Decide once per order which label begins a turn: a later doubt would cut in two."""
        if order not in self._first:
            first, doubt = self._guess_first(order, offsets_ns, period_ns)
            if first is None or len(self._intervals()) < doubt * EVIDENCE:
                return None
            self._first = {order: first}
        return self._first[order]

    def _guess_first(self, order: tuple[int, ...], offsets_ns: Sequence[float],
                     period_ns: float) -> tuple[int | None, int]:
        """The label that begins a turn, and how many times EVIDENCE it takes to say so."""
        following = [*order[1:], order[0]]
        intervals = [(offsets_ns[b] - offsets_ns[a]) % period_ns
                     for a, b in zip(order, following, strict=True)]
        shutters = self._shutters()
        # A stamp may be of the exposure's begin or end: its length is no pause.
        pauses = [interval - max(shutters[a], shutters[b])
                  for interval, a, b in zip(intervals, order, following, strict=True)]
        longest = max(range(self._size), key=pauses.__getitem__)
        others = max(interval for k, interval in enumerate(intervals) if k != longest)
        usual = _usual_first(order)
        if pauses[longest] > _CLEAR_PAUSE * others:
            return following[longest], 0 if following[longest] == usual else 2
        agreed = following[longest] == usual or pauses[longest] < _DOUBTFUL_PAUSE * others
        return usual, 0 if agreed else 1

    def _shutters(self) -> list[float]:
        latest = {beat.label: beat.shutter_ns for beat in self._beats}
        return [latest.get(label, 0.0) for label in range(self._size)]


def _moment(beat: Beat) -> tuple[int, int]:
    return beat.segment, beat.stamp_ns


def _since_nearest(zeros: Sequence[Beat], beat: Beat) -> float:
    """Time since the nearest of `zeros`, or until it where negative; infinite without one [ns].

    For one of `zeros` itself that is the one before it, if any: their distance tells as much.
    """
    k = bisect_left(zeros, _moment(beat), key=_moment)
    others = zeros[max(0, k - 1):k] if beat.label == 0 and k else zeros[max(0, k - 1):k + 1]
    around = [beat.stamp_ns - zero.stamp_ns for zero in others if zero.segment == beat.segment]
    return min(around, key=abs, default=math.inf)


def _usual_first(order: tuple[int, ...]) -> int | None:
    """Where a cycle that only rises, or only falls, begins; None for any other."""
    rising = sum(b > a for a, b in pairwise((*order, order[0])))
    if rising == len(order) - 1:
        return 0
    return len(order) - 1 if rising == 1 else None
