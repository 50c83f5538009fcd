# SPDX-License-Identifier: Apache-2.0
"""BracketAssembler: the door of the room."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter, deque

from ddfnet_ros.assembly.selection import SOURCES, check, refuse, sorter, source_of
from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, FrameError, Sorter
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.settings import AssemblySettings

_log = logging.getLogger(__name__)
_NEVER = -(2**63)  # before every stamp [ns]


class BracketAssembler:
    """Makes brackets of frames in the order of their arrival.

    Attributes:
        source: What places the frames; '' before the first.
    """

    def __init__(self, settings: AssemblySettings, stream_count: int = 1,
                 reference: int | str = 0) -> None:
        """Check the settings.

        Args:
            settings: How frames become brackets.
            stream_count: Topics: 1 that interleaves the exposures, or one per exposure.
            reference: Counted from 1 after sorting by exposure; 0 chooses the median, 'latest'
                the newest frame.

        Raises:
            ValueError: settings by which no bracket could ever be assembled.
        """
        self._settings, self._topics, self._reference = settings, stream_count, reference
        self._size = settings.size if stream_count == 1 else stream_count
        check(settings, stream_count, self._size, reference)
        self.source = ''
        self._drops = Drops()
        self._sorter: Sorter | None = None
        self._recent: deque[tuple[int, int, int | None, float | None]] = deque(
            maxlen=4 * self._size)
        self._newest: Frame | None = None
        self._stray: Frame | None = None
        self._useless = 0  # stale frames and duplicates in a row
        self._given_ns = _NEVER  # stamp of the last reference frame

    @property
    def dropped(self) -> Counter[str]:
        """Frames that left in no bracket, by reason.

        incomplete (others of the bracket never came), stale (came after their bracket was over),
        duplicate, superseded (a newer bracket was complete first), invalid (unlike the others, or
        in no known place).
        """
        return self._drops.counts

    def take_complaint(self) -> str:
        """Why the last invalid frame was dropped, for people; '' where none was since the call."""
        return self._drops.take_complaint()

    @property
    def held(self) -> int:
        """Frames that wait for others and were in no bracket yet; bounded by a few brackets."""
        return (self._sorter.held if self._sorter else 0) + (self._stray is not None)

    def add(self, frame: Frame) -> list[Bracket]:
        """Take a frame; give the brackets that it completes, the newest last.

        With `window` cycle, that is one at most. A late frame may complete several that slide.

        Raises:
            ValueError: nothing tells where frames stand in the cycle, or their exposure times;
                says which setting to change. Never for a single bad frame: that is counted.
        """
        chosen = self._sorter_for(frame)
        try:
            return self._add(frame, chosen)
        except FrameError as rejected:
            self._drops.reject(rejected, 1)
            self._useless += rejected.reason in ('stale', 'duplicate')
            return []

    def reset(self, reason: str = 'reset') -> None:
        """Drop what is held, as after a jump of time; what was learned of the camera stays.

        Args:
            reason: For the log.
        """
        _log.debug('assembly starts anew: %s', reason)
        if self._sorter:
            self._sorter.flush('incomplete')
        self._drop_stray()
        self._recent.clear()
        self._newest = None
        self._useless = 0
        self._given_ns = _NEVER

    def _sorter_for(self, frame: Frame) -> Sorter:
        """What sorts this frame: the best source seen so far, by the order of SOURCES."""
        if not 0 <= frame.stream < self._topics:
            raise ValueError(f'expected a frame of stream 0 to {self._topics - 1}, got '
                             f'{frame.stream}; set stream_count to the number of topics')
        source = source_of(frame, self._settings, self._topics)
        if self._sorter is None or source in SOURCES[:SOURCES.index(self.source)]:
            refuse(frame, source, self._settings)
            self.reset(f'frames are now placed by {source}')
            self.source = source
            self._sorter = sorter(source, self._settings, self._topics,
                                  frame.sequence_id is not None, self._finish, self._drops)
        return self._sorter

    def _add(self, frame: Frame, chosen: Sorter) -> list[Bracket]:
        if self._useless >= 2 * self._size:
            self.reset('nothing but old frames comes')
        identity = frame.stream, frame.stamp_ns, frame.sequence_id, frame.exposure_time
        if identity in self._recent:
            raise FrameError('duplicate', 'this frame was here before')
        if self._is_behind(frame):
            return self._add_stray(frame)
        self._drop_stray()
        if self._newest is not None:
            self._check_alike(frame, self._newest)
        if self._newest is None or frame.stamp_ns >= self._newest.stamp_ns:
            self._newest = frame
        self._recent.append(identity)
        brackets = chosen.add(frame)
        self._useless = 0
        return brackets

    def _is_behind(self, frame: Frame) -> bool:
        """Whether a frame is older than what may still be open."""
        if self._newest is None:
            return False
        late_ns = self._settings.max_span * 1e9
        if len(self._recent) > self._size:
            stamps = [stamp_ns for _, stamp_ns, _, _ in self._recent]
            interval_ns = (max(stamps) - min(stamps)) / (len(stamps) - 1)
            late_ns = OPEN_TURNS * self._size * interval_ns
        return self._newest.stamp_ns - frame.stamp_ns > late_ns

    def _add_stray(self, frame: Frame) -> list[Bracket]:
        """Keep one old frame apart: a second one like it tells that time jumped back."""
        first, self._stray = self._stray, None
        if first is None or abs(frame.stamp_ns - first.stamp_ns) > self._settings.max_span * 1e9:
            self._drops.count('stale', first is not None)
            self._stray = frame
            return []
        self.reset('stamps jumped back')
        return [*self.add(first), *self.add(frame)]

    def _drop_stray(self) -> None:
        self._drops.count('stale', self._stray is not None)
        self._stray = None

    def _check_alike(self, frame: Frame, before: Frame) -> None:
        """Start anew when the camera changed its images."""
        kind, was = ((f.pixels.shape, str(f.pixels.dtype)) for f in (frame, before))
        if kind != was and self._sorter:
            change = FrameError('invalid', f'expected frames of {was} as before, got {kind}')
            self._drops.reject(change, 0)
            self._sorter.flush('invalid')
            self.reset(str(change))

    def _finish(self, frames: list[Frame]) -> Bracket | None:
        """Check and sort the frames of a bracket; raises FrameError.

        None where windows slide and the last bracket had this reference frame, or a newer one:
        stamps of brackets rise.
        """
        self._check_run(frames)
        try:
            bracket = Bracket.of(self._timed(frames), self._reference)
        except ValueError as error:
            raise FrameError('invalid', str(error)) from error
        if self._settings.window == 'sliding':
            if bracket.reference.stamp_ns <= self._given_ns:
                return None
            self._given_ns = bracket.reference.stamp_ns
        return bracket

    def _check_run(self, frames: list[Frame]) -> None:
        """A bracket is an uninterrupted run of frames; raises FrameError."""
        stamps = {frame.stamp_ns for frame in frames}
        first, last = min(stamps), max(stamps)
        span, limit = (last - first) * 1e-9, self._settings.max_span
        if span > limit:
            raise FrameError('invalid', f'expected a bracket within {limit:g} s, got {span:g} s; '
                             'raise max_span for a slower camera')
        if any(first < stamp < last and stamp not in stamps for _, stamp, _, _ in self._recent):
            raise FrameError('invalid', 'expected the frames of a bracket in a row, got another '
                             'between them; check cycle_source and its settings')

    def _timed(self, frames: list[Frame]) -> list[Frame]:
        """Give nominal times to frames without a measured one."""
        nominal = self._settings.exposure_times
        return [dataclasses.replace(frame, exposure_time=nominal[place])
                if frame.exposure_time is None and nominal else frame
                for place, frame in enumerate(frames)]
