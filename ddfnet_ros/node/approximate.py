# SPDX-License-Identifier: Apache-2.0
"""Brackets by message_filters, for who wants the matching of the other nodes in the graph."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from std_msgs.msg import Header

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node.serialising import header_of
from ddfnet_ros.settings import NodeSettings

_NEVER = -(2**63)  # before every stamp [ns]
_SIMULTANEOUS = 1 / 8  # of the slop, by which frames taken at once may come in another order


@dataclasses.dataclass(eq=False)
class _Stamped:
    """A frame as message_filters wants messages; and whether it was in a set."""

    header: Header
    frame: Frame
    used: bool = False


class ApproximateAssembler:
    """ApproximateTimeSynchronizer in the place of `BracketAssembler`: one topic per exposure.

    It joins what is close in time, and so frames of two turns where one got lost. A camera takes
    the exposures in the order of `image_topics`, so such a set shows by its order, as long as the
    slop is less than the camera's period. What it has of the older turns is dropped, the rest goes
    back.

    Attributes:
        dropped: Frames that left in no bracket, by reason: incomplete (without others of their
            turn), invalid (in a set that is no bracket).
    """

    def __init__(self, settings: NodeSettings) -> None:
        """Look for message_filters.

        Raises:
            ValueError: it is not installed.
        """
        try:
            import message_filters  # noqa: PLC0415  (optional; its wheels do not exist)
        except ImportError:
            raise ValueError(
                'sync approximate: expected the package message_filters to be installed, got '
                'none; apt install ros-$ROS_DISTRO-message-filters, or set sync to bracket'
            ) from None
        self._filters = message_filters
        self._settings = settings
        self._topics = len(settings.image_topics)
        self.dropped: Counter[str] = Counter()
        self._complaint = ''
        self._complete: list[Bracket] = []
        self._again: list[_Stamped] = []
        self._begin()

    def take_complaint(self) -> str:
        """Why frames of the last such set were dropped; '' where none were since the last call."""
        complaint, self._complaint = self._complaint, ''
        return complaint

    def add(self, frame: Frame) -> list[Bracket]:
        """Take a frame; give the brackets that it completes."""
        if self._newest_ns[frame.stream] - frame.stamp_ns > self._settings.max_span * 1e9:
            self.reset('stamps jumped back')
        self._newest_ns[frame.stream] = frame.stamp_ns
        stamped = _Stamped(header_of(frame), frame)
        self._watch(frame.stream, stamped)
        self._again = [stamped]
        while self._again:
            stamped = self._again.pop(0)
            self._inputs[stamped.frame.stream].signalMessage(stamped)
        complete, self._complete = self._complete, []
        return complete

    def reset(self, reason: str = 'reset') -> None:
        """Forget what waits: the synchronizer would keep what is of a time that is over."""
        del reason  # of BracketAssembler's log
        for waiting in self._waiting:
            self._drop('incomplete', sum(not stamped.used for stamped in waiting))
        self._begin()

    def _begin(self) -> None:
        depth = self._settings.sync_depth
        self._waiting: list[deque[_Stamped]] = [deque() for _ in range(self._topics)]
        self._newest_ns = [_NEVER] * self._topics
        self._inputs = [self._filters.SimpleFilter() for _ in range(self._topics)]
        # The fourth positional argument is another one from distribution to distribution.
        synchronizer = self._filters.ApproximateTimeSynchronizer(
            fs=self._inputs, queue_size=depth, slop=self._settings.sync_slop)
        synchronizer.registerCallback(self._on_set)

    def _watch(self, stream: int, stamped: _Stamped) -> None:
        """Follow what the synchronizer holds, to count what it forgets without a word."""
        waiting = self._waiting[stream]
        waiting.append(stamped)
        if len(waiting) > self._settings.sync_depth:
            self._drop('incomplete', not waiting.popleft().used)

    def _on_set(self, *members: Any) -> None:
        """Take a set. Nothing may be raised here: the synchronizer would never let go its lock."""
        *older, newest = self._turns(members)
        left_behind = [member for turn in older for member in turn]
        for member in left_behind or newest:
            member.used = True
        if not left_behind:
            self._finish([member.frame for member in newest])
            return
        self._again = newest
        self._drop('incomplete', len(left_behind))
        self._complaint = ('expected frames in the order of image_topics, got some of two turns '
                           'of the camera; set sync to bracket, or correct the order')

    def _turns(self, members: Sequence[_Stamped]) -> list[list[_Stamped]]:
        """The members of a set, parted where the topics begin anew."""
        slack_ns = self._settings.sync_slop * 1e9 * _SIMULTANEOUS
        if all(late.frame.stamp_ns - early.frame.stamp_ns >= -slack_ns
               for early, late in pairwise(members)):
            return [list(members)]
        in_time = sorted(members, key=lambda member: member.frame.stamp_ns)
        turns = [in_time[:1]]
        for before, member in pairwise(in_time):
            if member.frame.stream < before.frame.stream:
                turns.append([])
            turns[-1].append(member)
        return turns

    def _finish(self, frames: list[Frame]) -> None:
        nominal = self._settings.exposure_times
        timed = (dataclasses.replace(frame, exposure_time=nominal[frame.stream])
                 if frame.exposure_time is None and nominal else frame for frame in frames)
        try:
            self._complete.append(Bracket.of(timed, self._settings.reference))
        except ValueError as error:
            self._complaint = str(error)
            self._drop('invalid', len(frames))

    def _drop(self, reason: str, frames: int) -> None:
        if frames:
            self.dropped[reason] += frames
