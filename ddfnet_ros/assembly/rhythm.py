# SPDX-License-Identifier: Apache-2.0
"""Learn the camera's rhythm: the period of its cycle, and when each exposure comes in it."""

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
_MAX_DISTANCE = 1.5  # periods over which an error of the period does not matter yet
_MIN_COHERENCE = 0.5  # least length of a label's mean phase vector; 1: all phases equal


class Beat(NamedTuple):
    """The timing of one frame.

    Attributes:
        segment: Increases with every time or counter jump; only beats of one are compared.
        stamp_ns: Acquisition time [ns].
        label: Which exposure it is, 0 to N - 1.
        shutter_ns: Exposure time [ns]; 0 if unknown.
        turn: Turn of the cycle by a counter, which may start anywhere; None without a counter.
    """

    segment: int
    stamp_ns: int
    label: int
    shutter_ns: float = 0.0
    turn: float | None = None


class Template(NamedTuple):
    """The timing of one turn of the cycle.

    Attributes:
        period_ns: Duration of a turn [ns].
        offsets_ns: For each label, time of its frame after the first frame of the turn [ns].
    """

    period_ns: float
    offsets_ns: tuple[float, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Labels in the order in which they come."""
        return tuple(sorted(range(len(self.offsets_ns)), key=self.offsets_ns.__getitem__))


class Rhythm:
    """Learns a `Template` from the last turns, in bounded memory and O(N) time per frame."""

    def __init__(self, size: int, turns: int = 8) -> None:
        """Take the number of exposures, and the least number of turns to remember."""
        self._size = size
        self._length = max(turns * size, 2 * EVIDENCE + 2 * size)
        self._beats: list[Beat] = []
        self._first: dict[tuple[int, ...], int] = {}

    def note(self, beat: Beat) -> None:
        """Add a frame; it may come late."""
        insort(self._beats, beat, key=_sort_key)
        del self._beats[:-self._length]

    @property
    def full(self) -> bool:
        """Whether the memory is full, so that more frames would not tell more."""
        return len(self._beats) == self._length

    def period_ns(self) -> float | None:
        """Duration of a turn [ns]; None if too few frames were seen, or they contradict it.

        Without a counter, lost frames make intervals between frames of one exposure longer, but
        never shorter: so the shortest fifth tells the period. A much shorter interval among the
        latest means that the camera changed its rhythm.
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
        """Times between successive frames of one exposure [ns]; per turn if turns are counted."""
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
        """Return the timing of a turn; None if it is not clear (yet).

        Args:
            period_ns: Duration of a turn [ns].
            first: Label that begins a turn. None: the one after a clear pause, else the first of
                a cycle that runs from short to long or from long to short.
        """
        offsets_ns = self._offsets(period_ns)
        if offsets_ns is None:
            return None
        order = tuple(sorted(range(self._size), key=offsets_ns.__getitem__))
        if first is None:
            first = self._decide_first(order, offsets_ns, period_ns)
        if first is None:
            return None
        start_ns = offsets_ns[first]
        return Template(period_ns, tuple((o - start_ns) % period_ns for o in offsets_ns))

    def _offsets(self, period_ns: float) -> list[float] | None:
        """For each label, its mean time after label 0, modulo the period [ns]; None if unclear."""
        zeros = [beat for beat in self._beats if beat.label == 0]
        phases = [0j] * self._size
        counts = [0] * self._size
        for beat in self._beats:
            turns = _ns_since_nearest(zeros, beat) / period_ns
            if abs(turns) < _MAX_DISTANCE:
                phases[beat.label] += cmath.exp(2j * math.pi * turns)
                counts[beat.label] += 1
        # The period is wrong if one label has several offsets, or if label 0 comes after itself
        # at other than a whole number of turns.
        coherences = [phases[0].real, *map(abs, phases[1:])]
        if not all(n and coherence > _MIN_COHERENCE * n
                   for coherence, n in zip(coherences, counts, strict=True)):
            return None
        return [0.0, *(cmath.phase(phase) / (2 * math.pi) % 1 * period_ns for phase in phases[1:])]

    def _decide_first(self, order: tuple[int, ...], offsets_ns: Sequence[float],
                  period_ns: float) -> int | None:
        """Decide once per order which label begins a turn: changing it later would cut a turn."""
        if order not in self._first:
            first, doubt = self._guess_first(order, offsets_ns, period_ns)
            if first is None or len(self._intervals()) < doubt * EVIDENCE:
                return None
            self._first = {order: first}
        return self._first[order]

    def _guess_first(self, order: tuple[int, ...], offsets_ns: Sequence[float],
                     period_ns: float) -> tuple[int | None, int]:
        """Guess the label that begins a turn, and how many times EVIDENCE is needed for it."""
        following = [*order[1:], order[0]]
        intervals = [(offsets_ns[b] - offsets_ns[a]) % period_ns
                     for a, b in zip(order, following, strict=True)]
        shutters = self._shutters()
        # A stamp may mark the begin or the end of the exposure: its length is no pause.
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


def _sort_key(beat: Beat) -> tuple[int, int]:
    return beat.segment, beat.stamp_ns


def _ns_since_nearest(zeros: Sequence[Beat], beat: Beat) -> float:
    """Time since the nearest of `zeros` [ns], negative if it comes later; infinite without one.

    For a beat that is itself one of `zeros`, the one before it is used.
    """
    k = bisect_left(zeros, _sort_key(beat), key=_sort_key)
    others = zeros[max(0, k - 1):k] if beat.label == 0 and k else zeros[max(0, k - 1):k + 1]
    around = [beat.stamp_ns - zero.stamp_ns for zero in others if zero.segment == beat.segment]
    return min(around, key=abs, default=math.inf)


def _usual_first(order: tuple[int, ...]) -> int | None:
    """The first label of a cycle whose exposures only rise, or only fall; None for others."""
    rising = sum(b > a for a, b in pairwise((*order, order[0])))
    if rising == len(order) - 1:
        return 0
    return len(order) - 1 if rising == 1 else None
