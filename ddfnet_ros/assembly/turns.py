# SPDX-License-Identifier: Apache-2.0
"""Tell by time alone to which turn of the camera's cycle a frame belongs."""

from __future__ import annotations

from ddfnet_ros.assembly.sorting import FrameError

_AGREEMENT = 0.35  # periods by which the frames of a turn may disagree on its start
_HORIZON = 3.5  # periods over which turns can be counted by time


class TurnTracker:
    """Numbers turns by their start times; compares with the last turn only, so follows drift."""

    def __init__(self) -> None:
        self._turn = 0
        self._start_ns: float | None = None  # mean start of the newest turn by its frames
        self._frames = 0  # in that mean

    def forget(self) -> None:
        """Forget the last turn after a time jump; the next frame begins a new one."""
        self._start_ns = None

    def turn(self, start_ns: float, period_ns: float) -> int:
        """Return the number of the turn that started at `start_ns`; raises FrameError."""
        if self._start_ns is None:
            return self._begin(self._turn + 1, start_ns)
        turns = (start_ns - self._start_ns) / period_ns
        if turns > _HORIZON:
            return self._begin(self._turn + round(turns), start_ns)
        if turns < -_HORIZON:
            raise FrameError('stale', 'the bracket of this frame is over')
        if abs(turns - round(turns)) > _AGREEMENT:
            raise FrameError('invalid', 'the stamp is between two turns of the exposure cycle')
        if round(turns) > 0:
            return self._begin(self._turn + round(turns), start_ns)
        if round(turns) == 0:
            self._frames += 1
            self._start_ns += (start_ns - self._start_ns) / self._frames
        return self._turn + round(turns)

    def _begin(self, turn: int, start_ns: float) -> int:
        self._turn, self._start_ns, self._frames = turn, start_ns, 1
        return turn
