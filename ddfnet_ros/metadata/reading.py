# SPDX-License-Identifier: Apache-2.0
"""Read metadata messages: exposure time, gain and counter of a frame."""

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
    """What a camera tells about one frame.

    Attributes:
        exposure_time: Exposure time [s].
        gain: Analogue times digital gain, linear.
        sequence_id: Frame counter of the camera; None if it sends none.
    """

    exposure_time: float
    gain: float = 1.0
    sequence_id: int | None = None


class MetadataReader:
    """Reads the messages of one camera, in order of arrival."""

    def __init__(self, source: MetadataSource, exposure_times: tuple[float, ...] = (),
                 size: int = MAX_FRAMES) -> None:
        """Take the source.

        Args:
            source: Message type and fields of the metadata.
            exposure_times: Configured exposure times [s]; empty if not configured.
            size: Number of exposures in a bracket, if known.
        """
        self._source = source
        self._check = UnitCheck(exposure_times, size)
        self._raw_gains: tuple[float, ...] | None = None

    def read(self, message: Any) -> FrameMetadata | None:
        """Read one message; None if it is not exposure metadata.

        Raises:
            ValueError: a field is missing, or has an impossible value.
        """
        source = self._source
        try:
            value = look_up(message, source.exposure)
        except MissingFieldError:
            if source.shared:
                return None
            raise
        name = _field_name(source.exposure)
        time = seconds(number(value, name), source.unit, name)
        gain = self._gain(message)
        self._check(time, name)
        return FrameMetadata(time, gain, self.counter(message))

    def stamp_ns(self, message: Any) -> int:
        """Return the stamp of the image that the message describes [ns].

        Raises:
            ValueError: there is none.
        """
        stamp = look_up(message, self._source.stamp)
        if not is_time(stamp):
            raise ValueError(f'{self._source.stamp}: expected a stamp, got {stamp!r}; set '
                             'stamp_field')
        return nanoseconds(stamp)

    def counter(self, message: Any) -> int | None:
        """Return the frame counter of the image that the message describes; None without one.

        Raises:
            ValueError: the field is not a counter.
        """
        for path in self._source.counter:
            if (value := self._look_up_optional(message, path)) is not None:
                return counter(value, _field_name(path))
        return None

    def _gain(self, message: Any) -> float:
        source = self._source
        if source.gain_unit == 'ignore':
            return 1.0
        raw = {path: number(value, _field_name(path)) for path in source.gain
               if (value := self._look_up_optional(message, path)) is not None}
        if source.gain_unit:
            product = 1.0
            for path, value in raw.items():
                product *= linear_gain(value, source.gain_unit, _field_name(path))
            return product
        before, self._raw_gains = self._raw_gains, tuple(raw.values())
        if before not in (None, self._raw_gains):
            raise ValueError(f'{_field_name(source.gain[0])}: expected a constant gain, because '
                             f'its unit is not known, got {_format_gains(before)} and then '
                             f'{_format_gains(self._raw_gains)}; set gain_unit')
        return 1.0

    def _look_up_optional(self, message: Any, path: str) -> Any:
        try:
            return look_up(message, path)
        except MissingFieldError:
            if path in self._source.required:
                raise
            return None


def _field_name(path: str) -> str:
    return path.rpartition('.')[2]


def _format_gains(gains: tuple[float, ...] | None) -> str:
    return ', '.join(f'{gain:g}' for gain in gains or ()) or 'none'
