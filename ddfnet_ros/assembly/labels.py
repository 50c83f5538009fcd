# SPDX-License-Identifier: Apache-2.0
"""Place frames by exposure: the measured exposure, or the topic, tells the place in the cycle.

The turn of the cycle is told by a counter, else by the camera's rhythm.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from ddfnet_ros.assembly.counting import FrameCounter
from ddfnet_ros.assembly.exposure_levels import ExposureLevels
from ddfnet_ros.assembly.rhythm import Beat, Rhythm, Template
from ddfnet_ros.assembly.sorting import FrameError
from ddfnet_ros.assembly.turns import TurnTracker
from ddfnet_ros.assembly.windows import Sighting, Spot
from ddfnet_ros.bracket import Frame
from ddfnet_ros.settings import AssemblySettings

_ORDER_SLACK = 1 / 16  # periods by which topics of one turn may come out of order


class LabelPlacer:
    """Places frames whose exposure in the cycle (the label) is known by time or topic."""

    def __init__(self, settings: AssemblySettings, size: int, by_topic: bool,
                 counted: bool) -> None:
        """Take the settings.

        Args:
            settings: Assembly settings.
            size: Number of exposures in a bracket.
            by_topic: Whether each exposure has its own topic.
            counted: Whether frames carry a counter.
        """
        self._size, self._by_topic, self._counted = size, by_topic, counted
        self._period_ns = settings.cycle_period * 1e9
        self._nominal = settings.exposure_times
        self._in_order = bool(self._nominal) and not by_topic
        self._sliding = settings.window == 'sliding'
        self._levels = ExposureLevels(size, self._nominal)
        self._counter = FrameCounter(size)
        self._numbers: deque[int] = deque(maxlen=4 * size)
        self._misfits = 0  # brackets in a row whose topics, joined by counter, were out of order
        self._epoch = 0
        self._unlabelled: deque[Sighting] = deque(maxlen=2 * size)
        self._rhythm = Rhythm(size)
        self._template: Template | None = None
        self._turns = TurnTracker()

    @property
    def ready(self) -> bool:
        """Whether the turn of a frame can be told yet."""
        if self._counted and (self._by_topic or self._in_order):
            return True
        return self._template is not None

    def see(self, frame: Frame) -> Sighting:
        """Learn from a frame; raises FrameError."""
        if not self._by_topic:
            self._levels.see(self._exposure(frame))
        sighting = self._read_counter(frame)
        self._unlabelled.append(sighting)
        while self._unlabelled and (self._by_topic or self._levels.known):
            self._note_beat(self._unlabelled.popleft())
        self._template = self._learn_template()
        return sighting

    def _exposure(self, frame: Frame) -> float:
        """The exposure time where configured times are known, else exposure time times gain."""
        if frame.exposure_time is None:
            raise FrameError('invalid', 'expected a frame with its exposure time, got none')
        return frame.exposure_time if self._in_order else frame.exposure

    def _read_counter(self, frame: Frame) -> Sighting:
        if not self._counted:
            return Sighting(frame, self._epoch)
        if frame.sequence_id is None:
            raise FrameError('invalid', 'expected a frame with a counter, as before, got none')
        epoch, number = self._counter.read(frame.sequence_id, frame.stamp_ns)
        self._numbers.append(number)
        if self._counter_is_useless():
            self._give_up_counter()
        return Sighting(frame, self._epoch + epoch, number)

    def _counter_is_useless(self) -> bool:
        """Whether the counter stands still, or topics never share a number as they should."""
        if len(self._numbers) < 4 * self._size:
            return False
        return len(set(self._numbers)) == (len(self._numbers) if self._by_topic else 1)

    def _give_up_counter(self) -> None:
        self._counted = False
        self._rhythm = Rhythm(self._size)
        self.restart()

    def _note_beat(self, sighting: Sighting) -> None:
        frame = sighting.frame
        turn = None
        if self._counted:
            turn = sighting.number if self._by_topic else sighting.number / self._size
        label = self._label(frame)
        shutter = frame.exposure_time or (self._nominal[label] if self._nominal else 0.0)
        self._rhythm.note(Beat(sighting.epoch, frame.stamp_ns, label, shutter * 1e9, turn))

    def _label(self, frame: Frame) -> int:
        if self._by_topic:
            return frame.stream
        label = self._levels.label(self._exposure(frame))
        if label is None:
            raise FrameError('invalid', f'expected one of {self._levels.describe()}, got '
                             f'{self._exposure(frame):.4g} s; correct exposure_times')
        return label

    def _learn_template(self) -> Template | None:
        if self._counted and (self._by_topic or self._in_order):
            return None  # not needed: the counter tells the turn
        seen_ns = self._rhythm.period_ns()
        if self._period_ns and seen_ns and seen_ns < 0.75 * self._period_ns:
            raise FrameError('invalid', f'expected frames of one exposure every '
                             f'{self._period_ns * 1e-9:g} s, got {seen_ns * 1e-9:g} s; correct '
                             'cycle_period')
        period_ns = self._period_ns or seen_ns
        # A sliding window may begin anywhere, so nothing depends on where a turn does.
        first = 0 if self._in_order or self._sliding else None
        template = self._rhythm.template(period_ns, first) if period_ns else None
        if template is None and self._rhythm.full:
            raise FrameError('invalid', 'expected a steady cycle that begins after a pause, or at '
                             'its shortest or longest exposure; set exposure_times and '
                             'image_topics in the order of the cycle, set cycle_period or '
                             'cycle_gap, or connect a frame counter')
        if template and self._in_order and template.order != tuple(range(self._size)):
            raise FrameError('invalid', 'expected frames in the order of exposure_times, got '
                             f'{[k + 1 for k in template.order]}; list the times in the order of '
                             'the camera\'s cycle')
        return template

    def locate(self, sighting: Sighting) -> Spot:
        """Place a frame that was seen before; raises FrameError."""
        label = self._label(sighting.frame)
        order = self._template.order if self._template else tuple(range(self._size))
        position = order.index(label)
        if self._counted:
            counts_turns = self._by_topic  # the counter of a topic counts turns, not frames
            ordinal = sighting.number * self._size + position if counts_turns else sighting.number
        elif self._template:
            start_ns = sighting.frame.stamp_ns - self._template.offsets_ns[label]
            turn = self._turns.turn(start_ns, self._template.period_ns)
            ordinal = turn * self._size + position
        else:
            raise FrameError('incomplete', 'the rhythm of the camera is not known yet')
        return Spot(sighting.epoch, ordinal, position, label)

    def accept(self, frames: list[Frame]) -> None:
        """Check that topics joined by counter are in order and within a turn; raises FrameError.

        If each topic has its own counter and they did not start with the same turn, one number
        stands for frames of two turns.
        """
        if not (self._by_topic and self._counted):
            return
        period_ns = self._rhythm.period_ns() or 0.0
        slack_ns = _ORDER_SLACK * period_ns
        span_ns = frames[-1].stamp_ns - frames[0].stamp_ns
        if (not period_ns or span_ns <= period_ns + slack_ns) and all(
                after.stamp_ns - before.stamp_ns >= -slack_ns
                for before, after in pairwise(frames)):
            self._misfits = 0
            return
        self._misfits += 1
        if self._misfits > self._size:
            self._give_up_counter()
        raise FrameError('invalid', 'expected topics in the order in which the camera takes them, '
                         'got another under one counter; correct the order of the topics')

    def restart(self) -> None:
        """Begin anew after a time jump: later frames are not compared with earlier ones."""
        self._epoch += 1
        self._counter.jump()
        self._turns.forget()
