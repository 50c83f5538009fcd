# SPDX-License-Identifier: Apache-2.0
"""From a metadata message to what it says of its frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ddfnet_ros.metadata.fields import (
    MissingFieldError,
    counter,
    is_time,
    look_up,
    nanoseconds,
    number,
)
from ddfnet_ros.metadata.sources import MetadataSource
from ddfnet_ros.metadata.units import UnitCheck, linear_gain, seconds
from ddfnet_ros.settings import MAX_FRAMES


@dataclass(frozen=True)
class FrameMetadata:
    """What a camera says of one frame.

    Attributes:
        exposure_time: Seconds.
        gain: Analogue times digital gain, linear.
        sequence_id: The camera's counter, where it sends one.
    """

    exposure_time: float
    gain: float = 1.0
    sequence_id: int | None = None


class MetadataReader:
    """Reads the messages of one topic, in the order of their arrival."""

    def __init__(self, source: MetadataSource, exposure_times: tuple[float, ...] = (),
                 size: int = MAX_FRAMES) -> None:
        """Take what the messages are.

        Args:
            source: What they are.
            exposure_times: As configured [s].
            size: Exposures of a bracket, as far as they are known.
        """
        self._source = source
        self._check = UnitCheck(exposure_times, size)
        self._raw_gains: tuple[float, ...] | None = None

    def read(self, message: Any) -> FrameMetadata | None:
        """Read one message; None where it is about something else.

        Raises:
            ValueError: fields that are not there, or values that cannot be.
        """
        source = self._source
        try:
            value = look_up(message, source.exposure)
        except MissingFieldError:
            if source.shared:
                return None
            raise
        name = _last(source.exposure)
        time = seconds(number(value, name), source.unit, name)
        gain = self._gain(message)
        self._check(time, name)
        return FrameMetadata(time, gain, self.counter(message))

    def stamp_ns(self, message: Any) -> int:
        """The stamp of the image that the message is about [ns].

        Raises:
            ValueError: there is none.
        """
        stamp = look_up(message, self._source.stamp)
        if not is_time(stamp):
            raise ValueError(f'{self._source.stamp}: expected a stamp, got {stamp!r}; set '
                             'stamp_field')
        return nanoseconds(stamp)

    def counter(self, message: Any) -> int | None:
        """The frame counter of the image that the message is about; None where there is none.

        Raises:
            ValueError: it counts nothing.
        """
        for path in self._source.counter:
            if (value := self._optional(message, path)) is not None:
                return counter(value, _last(path))
        return None

    def _gain(self, message: Any) -> float:
        source = self._source
        if source.gain_unit == 'ignore':
            return 1.0
        raw = {path: number(value, _last(path)) for path in source.gain
               if (value := self._optional(message, path)) is not None}
        if source.gain_unit:
            product = 1.0
            for path, value in raw.items():
                product *= linear_gain(value, source.gain_unit, _last(path))
            return product
        before, self._raw_gains = self._raw_gains, tuple(raw.values())
        if before not in (None, self._raw_gains):
            raise ValueError(f'{_last(source.gain[0])}: expected a constant gain, because its '
                             f'unit is not known, got {_text(before)} and then '
                             f'{_text(self._raw_gains)}; set gain_unit')
        return 1.0

    def _optional(self, message: Any, path: str) -> Any:
        try:
            return look_up(message, path)
        except MissingFieldError:
            if path in self._source.required:
                raise
            return None


def _last(path: str) -> str:
    return path.rpartition('.')[2]


def _text(gains: tuple[float, ...] | None) -> str:
    return ', '.join(f'{gain:g}' for gain in gains or ()) or 'none'
