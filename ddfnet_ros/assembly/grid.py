# SPDX-License-Identifier: Apache-2.0
"""Places by stamp: a configured period and offset make a grid of N even slots."""

from __future__ import annotations

import math

from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Frame

_TOLERANCE = 0.4  # slots; a frame farther from the middle of its slot may be of the next
# Frames of distrust for each frame off the grid. A camera that drifts through the fifth of a slot
# that is off the grid takes four times as long for the rest: distrust has to last longer.
_COST = 6
_MOST = 18_000  # frames: ten minutes at 30 Hz


class GridPlacer:
    """Places a frame in the slot nearest to its stamp, while stamps do keep to the grid.

    A camera that drifts against the grid would in time fill the slots in another order, unseen.
    But on its way it must pass between two slots, so after stamps there nothing is believed for
    some turns, or for several times as long as they came.
    """

    ready = True

    def __init__(self, size: int, period_ns: float, offset_ns: float) -> None:
        """Take the number of slots in a period, and where the middle of a first slot lies."""
        self._size = size
        self._slot_ns, self._offset_ns = period_ns / size, offset_ns
        self._distrust = 0  # frames

    def see(self, frame: Frame) -> Sighting:
        """Nothing to learn."""
        return Sighting(frame)

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame; raises FrameError."""
        slots = (sighting.frame.stamp_ns - self._offset_ns) / self._slot_ns
        nearest = math.floor(slots + 0.5)
        self._judge(abs(slots - nearest) > _TOLERANCE)
        place = nearest % self._size
        return Spot(0, nearest, place, place)

    def _judge(self, off_grid: bool) -> None:
        if off_grid:
            self._distrust = min(max(_COST * self._size, self._distrust + _COST), _MOST)
        else:
            self._distrust -= self._distrust > 0
        if off_grid or self._distrust:
            raise FrameError('invalid', 'stamps do not keep to the grid of cycle_period and '
                             'cycle_offset; correct them, or set another cycle_source')

    def accept(self, frames: list[Frame]) -> None:
        """Nothing more to check."""

    def restart(self) -> None:
        """A jump of time does not move the grid, but what came before it tells nothing."""
        self._distrust = 0
