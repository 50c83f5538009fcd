# SPDX-License-Identifier: Apache-2.0
"""What the metadata messages of camera drivers are called and where they have what.

As published by their sources; doc/inputs.md says what each driver needs. A further driver is one
more entry in `SOURCES`, or a few parameters (exposure_source: field).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ddfnet_ros.settings import MetadataSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetadataSource:
    """How one kind of camera driver tells the exposure. Fields are paths, see `fields.py`.

    Attributes:
        msgtype: `package/msg/Name`.
        exposure: The exposure time.
        unit: Its unit, one of `units.SECONDS`.
        gain: Gains, which multiply; one that is not there counts as 1.
        gain_unit: Their unit, one of `units.LINEAR`; 'ignore' makes nothing of them; '' is not
            known: then a change is refused.
        counter: Frame counters, of which the first that is there counts.
        stamp: The stamp of the image.
        shared: Whether other nodes send other things on the same topic.
        required: Gains and counters that have to be there.
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
    """The source that the settings name, with the fields and units that they give instead.

    None where exposure times are parameters.
    """
    if settings.exposure_source == 'parameters':
        return None
    source = SOURCES.get(settings.exposure_source) or MetadataSource(
        msgtype=_with_msg(settings.metadata_type), exposure=settings.exposure_field,
        unit=settings.exposure_unit, shared=_with_msg(settings.metadata_type) == _DIAGNOSTICS)
    given: dict[str, Any] = {
        'msgtype': _with_msg(settings.metadata_type),
        'exposure': settings.exposure_field,
        'unit': settings.exposure_unit.replace('auto', ''),
        'gain': (settings.gain_field,) if settings.gain_field else (),
        'gain_unit': settings.gain_unit.replace('auto', ''),
        'counter': (settings.counter_field,) if settings.counter_field else (),
        'stamp': settings.stamp_field,
        'required': (settings.gain_field, settings.counter_field),
    }
    return dataclasses.replace(source, **{name: value for name, value in given.items() if value})


def _with_msg(msgtype: str) -> str:
    """`package/Name` as `package/msg/Name`."""
    package, _, name = msgtype.partition('/')
    return f'{package}/msg/{name}' if name and '/' not in name else msgtype
