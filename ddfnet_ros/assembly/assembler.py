# SPDX-License-Identifier: Apache-2.0
"""BracketAssembler: the public class of this package."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter, deque

from ddfnet_ros.assembly.selection import (
    SOURCES,
    check_settings,
    check_usable,
    make_sorter,
    source_of,
)
from ddfnet_ros.assembly.sorting import OPEN_TURNS, Drops, FrameError, Sorter
from ddfnet_ros.bracket import Bracket, Frame, without_counter
from ddfnet_ros.settings import AssemblySettings

_log = logging.getLogger(__name__)
_NEVER = -(2**63)  # before every stamp [ns]


class BracketAssembler:
    """Assembles frames into brackets. Frames are added in the order in which they arrive.

    Attributes:
        source: What tells the place of a frame in the cycle, one of SOURCES; '' before the first
            frame.
    """

    def __init__(self, settings: AssemblySettings, stream_count: int = 1,
                 reference: int | str = 0) -> None:
        """Check the settings.

        Args:
            settings: Assembly settings.
            stream_count: Number of image topics: 1 that interleaves the exposures, or one per
                exposure.
            reference: Reference frame, counted from 1 after sorting by exposure; 0 chooses the
                median exposure, 'latest' the newest frame.

        Raises:
            ValueError: no bracket could ever be assembled with these settings.
        """
        self._settings, self._topics, self._reference = settings, stream_count, reference
        self._frame_ids: dict[int, str] = {}  # by stream
        self._size = settings.size if stream_count == 1 else stream_count
        check_settings(settings, stream_count, self._size, reference)
        self.source = ''
        self._drops = Drops()
        self._sorter: Sorter | None = None
        self._recent: deque[tuple[int, int, int | None, float | None]] = deque(
            maxlen=4 * self._size)
        self._newest: Frame | None = None
        self._stray: Frame | None = None
        self._useless_in_a_row = 0  # stale frames and duplicates
        self._last_reference_ns = _NEVER  # stamp of the last reference frame

    @property
    def dropped(self) -> Counter[str]:
        """Number of dropped frames by reason.

        incomplete (other frames of the bracket never came), stale (came after the bracket was
        closed), duplicate, superseded (a newer bracket was complete first), invalid (unlike the
        other frames, or its place in the cycle is unknown).
        """
        return self._drops.counts

    def take_complaint(self) -> str:
        """Return why the last invalid frame was dropped; '' if none was since the last call."""
        return self._drops.take_complaint()

    @property
    def held(self) -> int:
        """Number of frames that wait and were in no bracket yet; at most a few brackets' worth."""
        return (self._sorter.held if self._sorter else 0) + (self._stray is not None)

    def add(self, frame: Frame) -> list[Bracket]:
        """Add a frame and return the brackets that it completes, the newest last.

        With `window` cycle this is at most one; with sliding windows a late frame may complete
        several.

        Raises:
            ValueError: the places of frames in the cycle, or their exposure times, are unknown.
                The message names the setting to change. A single bad frame does not raise; it is
                counted.
        """
        chosen = self._sorter_for(frame)
        try:
            return self._add(frame, chosen)
        except FrameError as rejected:
            self._drops.reject(rejected, 1)
            self._useless_in_a_row += rejected.reason in ('stale', 'duplicate')
            return []

    def reset(self, reason: str = 'reset') -> None:
        """Drop all held frames, as after a time jump. What was learned of the camera is kept.

        Args:
            reason: Text for the log.
        """
        _log.debug('assembly starts anew: %s', reason)
        if self._sorter:
            self._sorter.flush('incomplete')
        self._drop_stray()
        self._recent.clear()
        self._frame_ids.clear()
        self._newest = None
        self._useless_in_a_row = 0
        self._last_reference_ns = _NEVER

    def _sorter_for(self, frame: Frame) -> Sorter:
        """Return the current sorter; make a new one when this frame offers a better source."""
        if not 0 <= frame.stream < self._topics:
            raise ValueError(f'expected a frame of stream 0 to {self._topics - 1}, got '
                             f'{frame.stream}; set stream_count to the number of topics')
        source = source_of(frame, self._settings, self._topics)
        if self._sorter is None or source in SOURCES[:SOURCES.index(self.source)]:
            check_usable(frame, source, self._settings)
            self.reset(f'frames are now placed by {source}')
            self.source = source
            self._sorter = make_sorter(source, self._settings, self._topics,
                                       frame.sequence_id is not None, self._finish, self._drops)
        return self._sorter

    def _add(self, frame: Frame, chosen: Sorter) -> list[Bracket]:
        if self._useless_in_a_row >= 2 * self._size:
            self.reset('nothing but old frames comes')
        self._check_camera(frame)
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
        self._useless_in_a_row = 0
        return brackets

    def _is_behind(self, frame: Frame) -> bool:
        """Whether a frame is older than every bracket that may still be open."""
        if self._newest is None:
            return False
        late_ns = self._settings.max_span * 1e9
        if len(self._recent) > self._size:
            stamps = [stamp_ns for _, stamp_ns, _, _ in self._recent]
            interval_ns = (max(stamps) - min(stamps)) / (len(stamps) - 1)
            late_ns = OPEN_TURNS * self._size * interval_ns
        return self._newest.stamp_ns - frame.stamp_ns > late_ns

    def _add_stray(self, frame: Frame) -> list[Bracket]:
        """Set one old frame aside; a second one near it shows that time jumped back."""
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

    def _check_camera(self, frame: Frame) -> None:
        """Reset when another camera sends on a topic: its frames are in no bracket of this one.

        Numbers are not compared: some drivers count frames in the frame ID.
        """
        now, before = frame.frame_id, self._frame_ids.get(frame.stream, frame.frame_id)
        if now != before and without_counter(now) != without_counter(before):
            self._reset_for(f'expected frames of frame_id {before} as before, got {now}; give '
                            'each camera its own topic')
        self._frame_ids[frame.stream] = now

    def _check_alike(self, frame: Frame, before: Frame) -> None:
        """Reset when the camera changed the size or type of its images."""
        kind, was = ((f.pixels.shape, str(f.pixels.dtype)) for f in (frame, before))
        if kind != was:
            self._reset_for(f'expected frames of {was} as before, got {kind}')

    def _reset_for(self, change: str) -> None:
        """Drop what is held, as invalid: the next frames do not belong to it."""
        self._drops.reject(FrameError('invalid', change), 0)
        if self._sorter:
            self._sorter.flush('invalid')
        self.reset(change)

    def _finish(self, frames: list[Frame]) -> Bracket | None:
        """Build the bracket from its frames; raises FrameError.

        Returns None, with sliding windows, if the last bracket had this reference frame or a newer
        one: reference stamps must increase.
        """
        self._check_run(frames)
        try:
            bracket = Bracket.of(self._with_exposure_times(frames), self._reference)
        except ValueError as error:
            raise FrameError('invalid', str(error)) from error
        if self._settings.window == 'sliding':
            if bracket.reference.stamp_ns <= self._last_reference_ns:
                return None
            self._last_reference_ns = bracket.reference.stamp_ns
        return bracket

    def _check_run(self, frames: list[Frame]) -> None:
        """Check that a bracket is an uninterrupted run of frames; raises FrameError."""
        stamps = {frame.stamp_ns for frame in frames}
        first, last = min(stamps), max(stamps)
        span, limit = (last - first) * 1e-9, self._settings.max_span
        if span > limit:
            raise FrameError('invalid', f'expected a bracket within {limit:g} s, got {span:g} s; '
                             'raise max_span for a slower camera')
        if any(first < stamp < last and stamp not in stamps for _, stamp, _, _ in self._recent):
            raise FrameError('invalid', 'expected the frames of a bracket in a row, got another '
                             'between them; check cycle_source and its settings')

    def _with_exposure_times(self, frames: list[Frame]) -> list[Frame]:
        """Set the configured exposure time of frames that have no measured one."""
        nominal = self._settings.exposure_times
        return [dataclasses.replace(frame, exposure_time=nominal[place])
                if frame.exposure_time is None and nominal else frame
                for place, frame in enumerate(frames)]
