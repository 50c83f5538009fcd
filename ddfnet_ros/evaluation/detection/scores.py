# SPDX-License-Identifier: Apache-2.0
"""Counting: shares with their confidence, and recall at a fixed number of false alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ddfnet_ros.evaluation.detection.boxes import Box

_Z = 1.959964  # standard deviations on each side that hold 95 % of a normal distribution
_MATCH = 0.5  # overlap from which on a box has found a person (Dollar et al. 2012)

Found = Sequence[tuple[float, Box]]
"""Scores and boxes of one picture."""


@dataclass(frozen=True)
class Score:
    """A share of things that went right, with Wilson's interval of 95 %.

    Attributes:
        hits: That went right.
        count: Of all.
        low: Least share that the counts go with.
        high: Greatest.
    """

    hits: int
    count: int
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, count: int) -> Score:
        """Count; at least one thing."""
        share, z2 = hits / count, _Z**2 / count
        middle = (share + z2 / 2) / (1 + z2)
        half = _Z / (1 + z2) * math.sqrt(share * (1 - share) / count + z2 / (4 * count))
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
        return cls(hits, count, round(low, 6), round(high, 6))

    @property
    def share(self) -> float:
        """Hits over count."""
        return self.hits / self.count


def recall(
    found: Sequence[Found], truth: Sequence[Sequence[Box]], false_alarms: float
) -> Score:
    """How many of the people are found at the lowest threshold with few enough false alarms.

    Args:
        found: What a detector said of each picture.
        truth: Boxes of the people in each.
        false_alarms: Boxes per picture, at most, that match nobody or one who was found before.
    """
    judged = [pair for said, people in zip(found, truth, strict=True)
              for pair in _judged(said, people)]
    allowed = false_alarms * len(found)
    hits = alarms = 0
    for _, hit in sorted(judged, key=lambda one: (-one[0], one[1])):
        alarms += not hit
        if alarms > allowed:
            break
        hits += hit
    return Score.of(hits, sum(map(len, truth)))


def _judged(said: Found, people: Sequence[Box]) -> list[tuple[float, bool]]:
    """Score of each box and whether it found somebody, the surest first to choose."""
    free = [box.of_person() for box in people]
    judged = []
    for score, box in sorted(said, key=lambda one: one[0], reverse=True):
        matching = [person for person in free if box.overlap(person) >= _MATCH]
        if matching:
            free.remove(max(matching, key=box.overlap))
        judged.append((score, bool(matching)))
    return judged
