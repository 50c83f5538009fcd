# SPDX-License-Identifier: Apache-2.0
"""Assign a measured exposure to one of the exposures of the cycle."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

MIN_STEP = math.log(1.2)  # exposures within 20 % are not separated, unless configured


class ExposureLevels:
    """The exposures of the cycle: configured, or learned from the last three turns."""

    def __init__(self, size: int, nominal: Sequence[float] = ()) -> None:
        """Take the number of levels and, if configured, their exposures in order [s]."""
        self._size = size
        self._recent: deque[float] | None = None if nominal else deque(maxlen=3 * size)
        self._levels = [math.log(exposure) for exposure in nominal]

    @property
    def known(self) -> bool:
        """Whether the levels are known yet."""
        return bool(self._levels)

    def see(self, exposure: float) -> None:
        """Update learned levels: automatic exposure may move all of them slowly."""
        if self._recent is not None:
            self._recent.append(math.log(exposure))
            self._levels = _cluster_levels(sorted(self._recent), self._size) or self._levels

    def label(self, exposure: float) -> int | None:
        """Index of the nearest level: in configured order, else from short to long.

        None if no level is near, that is within half the step to the level next to it.
        """
        distances = [abs(math.log(exposure) - level) for level in self._levels]
        if not distances:
            return None
        nearest = min(range(self._size), key=distances.__getitem__)
        step = min(abs(self._levels[nearest] - other)
                   for k, other in enumerate(self._levels) if k != nearest)
        return nearest if distances[nearest] < step / 2 else None

    def describe(self) -> str:
        """List the known or seen exposures, for an error message."""
        seen = self._levels or sorted(self._recent or ())
        return ', '.join(dict.fromkeys(f'{math.exp(level):.4g}' for level in seen)) + ' s'


def _cluster_levels(ordered: Sequence[float], size: int) -> list[float]:
    """Cluster sorted log exposures by cutting at the widest steps; empty if that is unclear."""
    steps = [(b - a, k) for k, (a, b) in enumerate(pairwise(ordered), start=1)]
    cuts = sorted(steps, reverse=True)[:size - 1]
    if len(cuts) < size - 1 or cuts[-1][0] < MIN_STEP:
        return []
    ends = [0, *sorted(k for _, k in cuts), len(ordered)]
    clusters = [ordered[a:b] for a, b in pairwise(ends)]
    widest = max(cluster[-1] - cluster[0] for cluster in clusters)
    if widest > cuts[-1][0] / 2:
        return []
    return [sum(cluster) / len(cluster) for cluster in clusters]
