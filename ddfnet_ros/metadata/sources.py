# SPDX-License-Identifier: Apache-2.0
"""Metadata messages of camera drivers: their types and the paths of their fields.

Taken from the drivers' source code; doc/inputs.md says what each driver needs. Another driver
needs one more entry in `SOURCES`, or a few parameters (exposure_source: field).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ddfnet_ros.settings import MetadataSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetadataSource:
    """Where a camera driver's messages have exposure metadata. Paths are as in `fields.py`.

    Attributes:
        msgtype: Message type as `package/msg/Name`.
        exposure: Path of the exposure time.
        unit: Its unit, a key of `units.SECONDS`.
        gain: Paths of gains, which are multiplied; a missing one counts as 1.
        gain_unit: Their unit, a key of `units.LINEAR`; 'ignore': gains are not used; '': unknown,
            so a gain that changes is an error.
        counter: Paths of frame counters; the first existing one is used.
        stamp: Path of the image's stamp.
        shared: Whether other nodes publish other messages on the same topic.
        required: Paths of gains and counters that must exist.
    """

    msgtype: str
    exposure: str
    unit: str
    gain: tuple[str, ...] = ()
    gain_unit: str = ''
    counter: tuple[str, ...] = ()
    stamp: str = 'header.stamp'
    shared: bool = False
    required: tuple[str, ...] = ()


_DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'
_COUNTERS = ('FrameCounter', 'FrameSequence', 'SequenceId', 'frame_counter', 'sequence')

SOURCES = {
    # libcamera's controls, one status per image
    'camera_ros': MetadataSource(
        msgtype=_DIAGNOSTICS, exposure='status.values.ExposureTime', unit='us',
        gain=('status.values.AnalogueGain', 'status.values.DigitalGain'), gain_unit='linear',
        counter=tuple(f'status.values.{name}' for name in _COUNTERS), shared=True),
    'flir': MetadataSource(
        msgtype='flir_camera_msgs/msg/ImageMetaData', exposure='exposure_time', unit='us',
        gain=('gain',), gain_unit='db'),
    'realsense': MetadataSource(
        msgtype='realsense2_camera_msgs/msg/Metadata', exposure='json_data.actual_exposure',
        unit='us', gain=('json_data.gain_level',), counter=('json_data.frame_number',)),
    'orbbec': MetadataSource(
        msgtype='orbbec_camera_msgs/msg/Metadata', exposure='json_data.exposure', unit='us',
        gain=('json_data.gain',), counter=('json_data.frame_number',)),
    'aravis': MetadataSource(
        msgtype='camera_aravis/msg/ExtendedCameraInfo', exposure='exposure_time', unit='us',
        gain=('gain',), stamp='camera_info.header.stamp'),
}


def source_of(settings: MetadataSettings) -> MetadataSource | None:
    """Return the source that the settings name, with their fields and units in place of its own.

    None if exposure times are set by parameters.
    """
    if settings.exposure_source == 'parameters':
        return None
    source = SOURCES.get(settings.exposure_source) or MetadataSource(
        msgtype=_full_type(settings.metadata_type), exposure=settings.exposure_field,
        unit=settings.exposure_unit, shared=_full_type(settings.metadata_type) == _DIAGNOSTICS)
    given: dict[str, Any] = {
        'msgtype': _full_type(settings.metadata_type),
        'exposure': settings.exposure_field,
        'unit': settings.exposure_unit.replace('auto', ''),
        'gain': (settings.gain_field,) if settings.gain_field else (),
        'gain_unit': settings.gain_unit.replace('auto', ''),
        'counter': (settings.counter_field,) if settings.counter_field else (),
        'stamp': settings.stamp_field,
        'required': (settings.gain_field, settings.counter_field),
    }
    return dataclasses.replace(source, **{name: value for name, value in given.items() if value})


def _full_type(msgtype: str) -> str:
    """Complete `package/Name` to `package/msg/Name`."""
    package, _, name = msgtype.partition('/')
    return f'{package}/msg/{name}' if name and '/' not in name else msgtype
