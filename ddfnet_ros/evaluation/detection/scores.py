# SPDX-License-Identifier: Apache-2.0
"""Scores: shares with confidence intervals, and recall at a fixed false-alarm rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ddfnet_ros.evaluation.detection.boxes import Box

_Z = 1.959964  # standard deviations of a 95 % interval of the normal distribution
_MATCH = 0.5  # minimum overlap of a box with a person (Dollar et al. 2012)

Detections = Sequence[tuple[float, Box]]
"""Scores and boxes that a detector gives for one picture."""


@dataclass(frozen=True)
class Score:
    """A success rate with its 95 % Wilson interval.

    Attributes:
        hits: Number of successes.
        count: Number of trials.
        low: Lower limit of the interval.
        high: Upper limit of the interval.
    """

    hits: int
    count: int
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, count: int) -> Score:
        """Compute the interval; `count` is at least 1."""
        share, z2 = hits / count, _Z**2 / count
        middle = (share + z2 / 2) / (1 + z2)
        half = _Z / (1 + z2) * math.sqrt(share * (1 - share) / count + z2 / (4 * count))
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
        return cls(hits, count, round(low, 6), round(high, 6))

    @property
    def share(self) -> float:
        """Success rate, hits over count."""
        return self.hits / self.count


def recall(
    found: Sequence[Detections], truth: Sequence[Sequence[Box]], false_alarms: float
) -> Score:
    """Recall of people at the lowest threshold that keeps the false-alarm rate.

    Args:
        found: Detections in each picture.
        truth: True boxes of the people in each picture.
        false_alarms: Maximum of false alarms per picture: boxes that match nobody, or a person
            who is already matched.
    """
    judged = [pair for detections, people in zip(found, truth, strict=True)
              for pair in _match_people(detections, people)]
    allowed = false_alarms * len(found)
    hits = alarms = 0
    for _, hit in sorted(judged, key=lambda one: (-one[0], one[1])):
        alarms += not hit
        if alarms > allowed:
            break
        hits += hit
    return Score.of(hits, sum(map(len, truth)))


def _match_people(detections: Detections, people: Sequence[Box]) -> list[tuple[float, bool]]:
    """Match boxes to people, best score first; returns each score and whether it matched."""
    free = [box.with_person_width() for box in people]
    judged = []
    for score, box in sorted(detections, key=lambda one: one[0], reverse=True):
        matching = [person for person in free if box.overlap(person) >= _MATCH]
        if matching:
            free.remove(max(matching, key=box.overlap))
        judged.append((score, bool(matching)))
    return judged
