# SPDX-License-Identifier: Apache-2.0
"""Which exposure of the cycle a measured exposure is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

MIN_STEP = math.log(1.2)  # exposures nearer to each other than 20 % cannot be told apart unasked


class ExposureLevels:
    """Nominal exposures, or the levels that the last three turns show.

    Attributes:
        known: Whether exposures can be told apart yet.
    """

    def __init__(self, size: int, nominal: Sequence[float] = ()) -> None:
        """Take the number of levels and, where they are configured, their exposures in order."""
        self._size = size
        self._recent: deque[float] | None = None if nominal else deque(maxlen=3 * size)
        self._levels = [math.log(exposure) for exposure in nominal]

    @property
    def known(self) -> bool:
        """Whether exposures can be told apart yet."""
        return bool(self._levels)

    def see(self, exposure: float) -> None:
        """Follow the camera: its automatic exposure may move all levels slowly."""
        if self._recent is not None:
            self._recent.append(math.log(exposure))
            self._levels = _levels(sorted(self._recent), self._size) or self._levels

    def label(self, exposure: float) -> int | None:
        """The index of the nearest level: by the settings' order, else from short to long.

        None where no level is near, that is within half the step to the next one.
        """
        distances = [abs(math.log(exposure) - level) for level in self._levels]
        if not distances:
            return None
        nearest = min(range(self._size), key=distances.__getitem__)
        step = min(abs(self._levels[nearest] - other)
                   for k, other in enumerate(self._levels) if k != nearest)
        return nearest if distances[nearest] < step / 2 else None

    def describe(self) -> str:
        """The exposures known or seen, for a message to people."""
        seen = self._levels or sorted(self._recent or ())
        return ', '.join(dict.fromkeys(f'{math.exp(level):.4g}' for level in seen)) + ' s'


def _levels(ordered: Sequence[float], size: int) -> list[float]:
    """Cut sorted log exposures at the widest steps; nothing where that is not clear cut."""
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
