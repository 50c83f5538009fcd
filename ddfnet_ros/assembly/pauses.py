# SPDX-License-Identifier: Apache-2.0
"""Sort frames by pauses: a pause in time separates one bracket from the next."""

from __future__ import annotations

from typing import NoReturn

from ddfnet_ros.assembly.rhythm import Beat, Rhythm, Template
from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, Finish, FrameError
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Bracket, Frame

_PROBATION_BURSTS = 8  # bursts that must hold exactly N frames after one that held more
_TOLERANCE = 0.4  # of the shortest interval; a frame farther off may belong to the next place
_SMOOTHING = 0.25  # share of a burst's deviation that is taken over; the rest is jitter
_HORIZON = 3.5  # turns over which a camera that drifts stays within the tolerance
_REMEMBERED_TURNS = 32  # turns: placing frames needs an exact mean


class PauseSorter:
    """Sorts frames into bursts: two frames nearer than the gap are in the same burst.

    A lost frame makes a burst smaller or cuts it in two. So a burst of N frames is complete,
    provided that the camera pauses for longer than the gap. A burst of more than N frames shows
    that it does not; then all bursts are rejected until several have had exactly N frames.
    """

    def __init__(self, size: int, topics: int, gap_ns: float, finish: Finish,
                 drops: Drops) -> None:
        """Take the limits.

        Args:
            size: Number of frames in a bracket.
            topics: Number of topics that they come on.
            gap_ns: Longest time between two frames of a bracket [ns].
            finish: Builds a bracket from its frames.
            drops: Counts dropped frames.
        """
        self._size, self._topics, self._gap_ns = size, topics, gap_ns
        self._finish, self._drops = finish, drops
        self._bursts: list[list[Frame]] = []  # open bursts, oldest first; frames by stamp
        self._last: tuple[int, int] | None = None  # begin and end of the last closed burst [ns]
        self._probation = 0

    @property
    def held(self) -> int:
        """Number of frames that wait for others."""
        return sum(map(len, self._bursts))

    def add(self, frame: Frame) -> list[Bracket]:
        """Add a frame and return the bracket of a complete burst; raises FrameError."""
        self._check_against_last(frame.stamp_ns)
        burst = self._join(frame)
        if len(burst) > self._size:
            self._refuse(burst)
        if len(self._bursts) > OPEN_TURNS:
            self._drops.count('incomplete', len(self._bursts.pop(0)))
        return self._take_complete()

    def _check_against_last(self, stamp_ns: int) -> None:
        if self._last is None:
            return
        begin_ns, end_ns = self._last
        if begin_ns - self._gap_ns <= stamp_ns <= end_ns + self._gap_ns:
            self._probation = _PROBATION_BURSTS
            self._last = min(begin_ns, stamp_ns), max(end_ns, stamp_ns)
            raise FrameError('invalid', self._complaint())
        if stamp_ns < begin_ns:
            raise FrameError('stale', 'the bracket of this frame is over')

    def _join(self, frame: Frame) -> list[Frame]:
        """Add a frame to the burst near it; it may join two bursts. Returns that burst."""
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
        self._probation = _PROBATION_BURSTS
        raise FrameError('invalid', self._complaint())

    def _complaint(self) -> str:
        return (f'expected {self._size} frames between two pauses of {self._gap_ns * 1e-9:g} s, '
                'got more; set cycle_gap between the longest interval in a bracket and the pause '
                'after it')

    def _take_complete(self) -> list[Bracket]:
        """Take the newest complete burst; on probation only count closed bursts, return none."""
        for k in reversed(range(len(self._bursts))):
            burst = self._bursts[k]
            if len(burst) < self._size or (self._probation and k == len(self._bursts) - 1):
                continue
            self._drops.count('superseded', sum(map(len, self._bursts[:k])))
            self._bursts = self._bursts[k + 1:]
            self._last = burst[0].stamp_ns, burst[-1].stamp_ns
            if not self._probation:
                return self._build(burst)
            self._probation -= 1
            self._drops.count('invalid', self._size)
        return []

    def _build(self, burst: list[Frame]) -> list[Bracket]:
        """Build the bracket of a complete burst, its frames sorted by topic, then by stamp."""
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
        """Drop all held frames and begin anew; later frames are not compared with earlier ones."""
        self._drops.count(reason, self.held)
        self._bursts.clear()
        self._last = None


class BurstPlacer:
    """Places single frames by the rhythm of earlier complete bursts, for sliding windows.

    A burst by itself tells its frames' places only once its last frame is here, and nothing about
    lost bursts; a window that slides over a pause needs both at once.
    """

    def __init__(self, size: int, gap_ns: float, period_ns: float) -> None:
        """Take the size, the longest time in a burst between frames, the period or 0 [ns]."""
        self._size, self._period_ns = size, period_ns
        self._bursts = PauseSorter(size, 1, gap_ns, self._learn, Drops())  # its drops are ignored
        self._rhythm = Rhythm(size, _REMEMBERED_TURNS)
        self._template: Template | None = None
        self._segment = self._turn = 0
        self._start_ns: float | None = None  # of that turn, smoothed

    @property
    def ready(self) -> bool:
        """Whether single frames can be placed yet."""
        return self._template is not None and self._start_ns is not None

    def see(self, frame: Frame) -> Sighting:
        """Learn from complete bursts; raises FrameError."""
        try:
            self._bursts.add(frame)
        except FrameError as rejected:
            if rejected.reason == 'invalid':  # the supposed pause is none
                self._template = None
                self._rhythm = Rhythm(self._size, _REMEMBERED_TURNS)
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
        """Track the turn and its start by a complete burst; one out of pace sets a new start."""
        start_ns = sum(frame.stamp_ns - offset_ns for frame, offset_ns in
                       zip(burst, template.offsets_ns, strict=True)) / self._size
        if self._start_ns is None:
            self._start_ns = start_ns
            return
        turns = max(1, round((start_ns - self._start_ns) / template.period_ns))
        expected_ns = self._start_ns + turns * template.period_ns
        steady = abs(start_ns - expected_ns) < _tolerance_ns(template)
        self._turn += turns
        self._start_ns = expected_ns + (_SMOOTHING if steady else 1) * (start_ns - expected_ns)

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
        """Accept all: there is nothing more to check."""

    def restart(self) -> None:
        """Wait for a complete burst after a time jump."""
        self._bursts.flush('incomplete')
        self._segment += 1
        self._start_ns = None


def _tolerance_ns(template: Template) -> float:
    """Largest distance of a stamp from its expected time [ns]."""
    offsets_ns = sorted(template.offsets_ns)
    following = [*offsets_ns[1:], template.period_ns]
    return _TOLERANCE * min(b - a for a, b in zip(offsets_ns, following, strict=True))
