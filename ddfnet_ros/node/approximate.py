# SPDX-License-Identifier: Apache-2.0
"""Assembles brackets with message_filters, to match frames as other nodes of the graph do."""

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
_SIMULTANEOUS = 1 / 8  # share of the slop; frames this close may be in any order


@dataclasses.dataclass(eq=False)
class _Stamped:
    """A frame in the form that message_filters takes.

    Attributes:
        header: Carries the stamp that message_filters compares.
        frame: The frame itself.
        used: Whether the frame was in a set.
    """

    header: Header
    frame: Frame
    used: bool = False


class ApproximateAssembler:
    """Uses ApproximateTimeSynchronizer in place of `BracketAssembler`: one topic per exposure.

    The synchronizer compares stamps only: where a frame was lost, a set may have frames of two
    turns (passes through the exposures). A camera takes the exposures in the order of
    `image_topics`, so the order of the stamps reveals such a set, as long as the slop is less than
    the camera's period. Its frames of older turns are dropped; those of the newest turn are put
    into the synchronizer again.

    Attributes:
        dropped: Frames that ended up in no bracket, by reason: incomplete (others of their turn
            are missing), invalid (their set makes no valid bracket).
    """

    def __init__(self, settings: NodeSettings) -> None:
        """Import message_filters and create the synchronizer.

        Raises:
            ValueError: message_filters is not installed.
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
        self._pending: list[_Stamped] = []
        self._create_synchronizer()

    def take_complaint(self) -> str:
        """Return why frames of a set were dropped, and clear it; '' if none were since."""
        complaint, self._complaint = self._complaint, ''
        return complaint

    def add(self, frame: Frame) -> list[Bracket]:
        """Add a frame; return the brackets that it completes."""
        if self._newest_ns[frame.stream] - frame.stamp_ns > self._settings.max_span * 1e9:
            self.reset('stamps jumped back')
        self._newest_ns[frame.stream] = frame.stamp_ns
        stamped = _Stamped(header_of(frame), frame)
        self._track_queue(frame.stream, stamped)
        self._pending = [stamped]
        while self._pending:
            stamped = self._pending.pop(0)
            self._inputs[stamped.frame.stream].signalMessage(stamped)
        complete, self._complete = self._complete, []
        return complete

    def reset(self, reason: str = 'reset') -> None:
        """Drop all waiting frames; after a time jump the synchronizer would keep them."""
        del reason  # only BracketAssembler logs it
        for waiting in self._waiting:
            self._drop('incomplete', sum(not stamped.used for stamped in waiting))
        self._create_synchronizer()

    def _create_synchronizer(self) -> None:
        depth = self._settings.sync_depth
        self._waiting: list[deque[_Stamped]] = [deque() for _ in range(self._topics)]
        self._newest_ns = [_NEVER] * self._topics
        self._inputs = [self._filters.SimpleFilter() for _ in range(self._topics)]
        # By keyword: the fourth positional argument differs between ROS distributions.
        synchronizer = self._filters.ApproximateTimeSynchronizer(
            fs=self._inputs, queue_size=depth, slop=self._settings.sync_slop)
        synchronizer.registerCallback(self._on_set)

    def _track_queue(self, stream: int, stamped: _Stamped) -> None:
        """Mirror the queue of the synchronizer, to count the frames that it drops silently."""
        waiting = self._waiting[stream]
        waiting.append(stamped)
        if len(waiting) > self._settings.sync_depth:
            self._drop('incomplete', not waiting.popleft().used)

    def _on_set(self, *members: Any) -> None:
        """Handle a set. Must not raise: the synchronizer would never release its lock."""
        *older, newest = self._split_turns(members)
        outdated = [member for turn in older for member in turn]
        for member in outdated or newest:
            member.used = True
        if not outdated:
            self._build_bracket([member.frame for member in newest])
            return
        self._pending = newest
        self._drop('incomplete', len(outdated))
        self._complaint = ('expected frames in the order of image_topics, got some of two turns '
                           'of the camera; set sync to bracket, or correct the order')

    def _split_turns(self, members: Sequence[_Stamped]) -> list[list[_Stamped]]:
        """Split the members of a set into turns, from old to new."""
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

    def _build_bracket(self, frames: list[Frame]) -> None:
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
