# SPDX-License-Identifier: Apache-2.0
"""Frames without a place of their own: a pause in time parts one bracket from the next."""

from __future__ import annotations

from typing import NoReturn

from ddfnet_ros.assembly.rhythm import Beat, Rhythm, Template
from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, Finish, FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Bracket, Frame

_PROBATION = 8  # bursts that must hold exactly N frames after one that held more
_TOLERANCE = 0.4  # of the shortest interval; a frame farther from its place may be of the next
_INERTIA = 0.25  # share of a burst's deviation that is believed: the rest is jitter
_HORIZON = 3.5  # turns over which a camera that drifts stays within the tolerance
_REMEMBERED = 32  # turns: places are told by fractions of an interval, which takes an exact mean


class PauseSorter:
    """Sorts frames into bursts: any two frames nearer than a gap are of one burst.

    A lost frame only makes a burst smaller or cuts it, so one that has N frames is whole,
    provided that the camera does pause for longer than the gap. A burst of more than N frames
    shows that it does not; then nothing is believed until bursts have been right for a while.
    """

    def __init__(self, size: int, topics: int, gap_ns: float, finish: Finish,
                 drops: Drops) -> None:
        """Take frames and topics of a bracket, the longest time between two of its frames."""
        self._size, self._topics, self._gap_ns = size, topics, gap_ns
        self._finish, self._drops = finish, drops
        self._bursts: list[list[Frame]] = []  # the open ones, oldest first, each by stamp
        self._last: tuple[int, int] | None = None  # begin and end of the burst given last
        self._probation = 0

    @property
    def held(self) -> int:
        """Frames that wait for others."""
        return sum(map(len, self._bursts))

    def add(self, frame: Frame) -> list[Bracket]:
        """Take a frame; give the bracket of a whole burst; raises FrameError."""
        self._check_last(frame.stamp_ns)
        burst = self._join(frame)
        if len(burst) > self._size:
            self._refuse(burst)
        if len(self._bursts) > OPEN_TURNS:
            self._drops.count('incomplete', len(self._bursts.pop(0)))
        return self._give()

    def _check_last(self, stamp_ns: int) -> None:
        if self._last is None:
            return
        begin_ns, end_ns = self._last
        if begin_ns - self._gap_ns <= stamp_ns <= end_ns + self._gap_ns:
            self._probation = _PROBATION
            self._last = min(begin_ns, stamp_ns), max(end_ns, stamp_ns)
            raise FrameError('invalid', self._complaint())
        if stamp_ns < begin_ns:
            raise FrameError('stale', 'the bracket of this frame is over')

    def _join(self, frame: Frame) -> list[Frame]:
        """Put a frame where it belongs; it may be the missing link of two bursts."""
        near = [burst for burst in self._bursts
                if burst[0].stamp_ns - self._gap_ns <= frame.stamp_ns
                <= burst[-1].stamp_ns + self._gap_ns]
        joined = sorted([frame, *(other for burst in near for other in burst)],
                        key=lambda member: member.stamp_ns)
        self._bursts = sorted([*(burst for burst in self._bursts if burst not in near), joined],
                              key=lambda burst: burst[0].stamp_ns)
        return joined

    def _refuse(self, burst: list[Frame]) -> NoReturn:
        self._bursts.remove(burst)
        self._drops.count('invalid', len(burst) - 1)
        self._last = burst[0].stamp_ns, burst[-1].stamp_ns
        self._probation = _PROBATION
        raise FrameError('invalid', self._complaint())

    def _complaint(self) -> str:
        return (f'expected {self._size} frames between two pauses of {self._gap_ns * 1e-9:g} s, '
                'got more; set cycle_gap between the longest interval in a bracket and the pause '
                'after it')

    def _give(self) -> list[Bracket]:
        """The newest whole burst; on probation none, and only closed ones count."""
        for k in reversed(range(len(self._bursts))):
            burst = self._bursts[k]
            if len(burst) < self._size or (self._probation and k == len(self._bursts) - 1):
                continue
            self._drops.count('superseded', sum(map(len, self._bursts[:k])))
            self._bursts = self._bursts[k + 1:]
            self._last = burst[0].stamp_ns, burst[-1].stamp_ns
            if not self._probation:
                return self._made(burst)
            self._probation -= 1
            self._drops.count('invalid', self._size)
        return []

    def _made(self, burst: list[Frame]) -> list[Bracket]:
        """The bracket of a whole burst: its frames in the order of topics, else of stamps."""
        topics = len({frame.stream for frame in burst})
        try:
            if topics != self._topics:
                raise FrameError('invalid', f'expected frames of {self._topics} topics between '
                                 f'two pauses, got {topics}; check cycle_gap')
            bracket = self._finish(sorted(burst, key=lambda f: (f.stream, f.stamp_ns)))
        except FrameError as rejected:
            self._drops.reject(rejected, self._size)
            return []
        return [bracket] if bracket else []

    def flush(self, reason: str) -> None:
        """Drop what is held, and compare nothing to come with what was."""
        self._drops.count(reason, self.held)
        self._bursts.clear()
        self._last = None


class BurstPlacer:
    """Places single frames by the rhythm of the bursts that came whole before them.

    A burst tells its frames' places only with its last one, and nothing of bursts that were lost;
    a window that slides over a pause needs both at once.
    """

    def __init__(self, size: int, gap_ns: float, period_ns: float) -> None:
        """Take the size, the longest time between two frames of a burst, the period or 0."""
        self._size, self._period_ns = size, period_ns
        self._bursts = PauseSorter(size, 1, gap_ns, self._learn, Drops())
        self._rhythm = Rhythm(size, _REMEMBERED)
        self._template: Template | None = None
        self._segment = self._turn = 0
        self._start_ns: float | None = None  # of that turn, smoothed

    @property
    def ready(self) -> bool:
        """Whether single frames can be placed."""
        return self._template is not None and self._start_ns is not None

    def see(self, frame: Frame) -> Sighting:
        """Learn from whole bursts; raises FrameError."""
        try:
            self._bursts.add(frame)
        except FrameError as rejected:
            if rejected.reason == 'invalid':  # what was taken for a pause is none
                self._template = None
                self._rhythm = Rhythm(self._size, _REMEMBERED)
            raise
        if self._template is None and self._rhythm.full:
            raise FrameError('invalid', 'expected brackets at a steady pace with window sliding, '
                             'got pauses of many lengths; set window to cycle, or connect a '
                             'frame counter')
        return Sighting(frame)

    def _learn(self, burst: list[Frame]) -> None:
        for place, frame in enumerate(burst):
            self._rhythm.note(Beat(self._segment, frame.stamp_ns, place))
        period_ns = self._period_ns or self._rhythm.period_ns()
        self._template = self._rhythm.template(period_ns, first=0) if period_ns else None
        if self._template:
            self._follow(burst, self._template)

    def _follow(self, burst: list[Frame], template: Template) -> None:
        """Number the turn of a whole burst; one that does not keep the pace sets a new start."""
        start_ns = sum(frame.stamp_ns - offset_ns for frame, offset_ns in
                       zip(burst, template.offsets_ns, strict=True)) / self._size
        if self._start_ns is None:
            self._start_ns = start_ns
            return
        turns = max(1, round((start_ns - self._start_ns) / template.period_ns))
        expected_ns = self._start_ns + turns * template.period_ns
        steady = abs(start_ns - expected_ns) < _tolerance_ns(template)
        self._turn += turns
        self._start_ns = expected_ns + (_INERTIA if steady else 1) * (start_ns - expected_ns)

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame; raises FrameError."""
        template, start_ns = self._template, self._start_ns
        if template is None or start_ns is None:
            raise FrameError('incomplete', 'the rhythm of the camera is not known yet')
        turns = [(sighting.frame.stamp_ns - start_ns - offset_ns) / template.period_ns
                 for offset_ns in template.offsets_ns]
        errors = [abs(turn - round(turn)) * template.period_ns for turn in turns]
        place = min(range(self._size), key=errors.__getitem__)
        if abs(turns[place]) > _HORIZON:
            raise FrameError('incomplete', 'no whole bracket came lately')
        if errors[place] > _tolerance_ns(template):
            raise FrameError('invalid', 'the stamp is between two exposures of the cycle')
        return Spot(0, (self._turn + round(turns[place])) * self._size + place, place, place)

    def accept(self, frames: list[Frame]) -> None:
        """Nothing more to check."""

    def restart(self) -> None:
        """Time jumped: wait for a whole burst."""
        self._bursts.flush('incomplete')
        self._segment += 1
        self._start_ns = None


def _tolerance_ns(template: Template) -> float:
    """How far a stamp may lie from where its exposure is expected."""
    offsets_ns = sorted(template.offsets_ns)
    following = [*offsets_ns[1:], template.period_ns]
    return _TOLERANCE * min(b - a for a, b in zip(offsets_ns, following, strict=True))
