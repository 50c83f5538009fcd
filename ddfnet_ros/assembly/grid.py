# SPDX-License-Identifier: Apache-2.0
"""Place frames by stamp: a configured period and offset define a grid of N even slots."""

from __future__ import annotations

import math

from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Frame

_TOLERANCE = 0.4  # slots; a frame farther from the middle of its slot may belong to the next
# Frames to reject after each frame off the grid. A camera that drifts through the fifth of a slot
# that counts as off the grid takes four times as long for the rest: rejecting must last longer.
_PENALTY = 6
_MAX_REJECTED = 18_000  # frames: ten minutes at 30 Hz


class GridPlacer:
    """Places a frame in the slot nearest to its stamp, as long as stamps keep to the grid.

    A camera that drifts against the grid would in time fill the slots in another order, unnoticed.
    On its way it must pass between two slots. So after stamps between slots all frames are
    rejected for some turns, or for several times as long as such stamps came.
    """

    ready = True

    def __init__(self, size: int, period_ns: float, offset_ns: float) -> None:
        """Take the number of slots, the period, and the stamp of any first slot's middle [ns]."""
        self._size = size
        self._slot_ns, self._offset_ns = period_ns / size, offset_ns
        self._to_reject = 0  # frames

    def see(self, frame: Frame) -> Sighting:
        """Return the frame as it is: there is nothing to learn."""
        return Sighting(frame)

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame; raises FrameError."""
        slots = (sighting.frame.stamp_ns - self._offset_ns) / self._slot_ns
        nearest = math.floor(slots + 0.5)
        self._check_grid(abs(slots - nearest) > _TOLERANCE)
        place = nearest % self._size
        return Spot(0, nearest, place, place)

    def _check_grid(self, off_grid: bool) -> None:
        if off_grid:
            self._to_reject = min(
                max(_PENALTY * self._size, self._to_reject + _PENALTY), _MAX_REJECTED)
        else:
            self._to_reject -= self._to_reject > 0
        if off_grid or self._to_reject:
            raise FrameError('invalid', 'stamps do not keep to the grid of cycle_period and '
                             'cycle_offset; correct them, or set another cycle_source')

    def accept(self, frames: list[Frame]) -> None:
        """Accept all: there is nothing more to check."""

    def restart(self) -> None:
        """Forget stamps off the grid; a time jump does not move the grid itself."""
        self._to_reject = 0
