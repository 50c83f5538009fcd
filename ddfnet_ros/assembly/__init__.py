# SPDX-License-Identifier: Apache-2.0
"""Frames in, complete brackets out: no clock, no ROS, no threads.

A bracket is what one turn of the camera's exposure cycle gave, and nothing else; or, where windows
slide, any N exposures in a row. Read "of one turn" as "in a row" then, and 6 as: a frame is in no
bracket or in up to N of them, and their reference stamps rise.

1. It holds exactly one frame of each place in the cycle.
2. All its frames are of one turn: by a counter, by a configured grid, by a pause on both sides,
   or by stamps that agree on the turn's start within 0.35 of a period (a third would be the next
   frame's, a half the next turn's).
3. It is a run: no other frame known lies between its first and its last.
4. It spans at most `max_span`.
5. Nothing from before a jump of time, a restart or a change of size meets anything from after it.
6. Each frame leaves once, in a bracket or counted under one reason; brackets leave in order.

What cannot be shown to be so is dropped. doc/assembly.md tells it at length.
"""

from ddfnet_ros.assembly.assembler import BracketAssembler
from ddfnet_ros.assembly.sorting import REASONS

__all__ = ['REASONS', 'BracketAssembler']
