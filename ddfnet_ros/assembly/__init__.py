# SPDX-License-Identifier: Apache-2.0
"""Assemble frames into complete brackets. Uses no clock, no ROS and no threads.

A bracket holds the frames of one turn of the camera's exposure cycle. These rules hold for each:

1. It has exactly one frame for each place in the cycle.
2. All its frames are from one turn. This is known from a counter, from a configured grid, from a
   pause before and after, or from stamps that agree on the turn's start within 0.35 of a period
   (a half would be the next turn's).
3. No other known frame lies between its first and its last frame.
4. It spans at most `max_span`.
5. It never mixes frames from before and after a time jump, a restart or a change of image size.
6. Each frame ends in one bracket, or is counted under one drop reason. Brackets come out in order.

With sliding windows a bracket is any N exposures in a row: rule 2 then reads "in a row", and rule
6 reads "in at most N brackets, whose reference stamps increase".

Frames for which this cannot be shown are dropped. Details: doc/assembly.md.
"""

from ddfnet_ros.assembly.assembler import BracketAssembler
from ddfnet_ros.assembly.sorting import REASONS

__all__ = ['REASONS', 'BracketAssembler']
