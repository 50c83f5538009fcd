# SPDX-License-Identifier: Apache-2.0
"""Messages as their packages define them, without these packages."""

import json
from types import SimpleNamespace as Message

import pytest

from ddfnet_ros.metadata import SOURCES, FrameMetadata, MetadataReader, source_of
from ddfnet_ros.settings import NodeSettings

STAMP_NS = 12 * 10**9 + 34


def header():
    return Message(stamp=Message(sec=12, nanosec=34), frame_id='camera')


def camera_ros(**controls):
    values = [Message(key=key, value=value) for key, value in controls.items()]
    return Message(header=header(), status=[Message(level=b'\0', name='', message='',
                                                    hardware_id='imx219', values=values)])


def flir(exposure_time=4000, gain=20.0):
    """flir_camera_msgs/msg/ImageMetaData."""
    return Message(header=header(), camera_time=7, brightness=-1, exposure_time=exposure_time,
                   max_exposure_time=30000, gain=gain)


def realsense(**metadata):
    """realsense2_camera_msgs/msg/Metadata; the driver writes every key in lower case."""
    told = {'frame_number': 112, 'clock_domain': 'global_time', 'frame_timestamp': 1.7e12,
            'frame_counter': 112, 'actual_exposure': 8500, 'gain_level': 16, 'auto_exposure': 0}
    return Message(header=header(), json_data=json.dumps(told | metadata))


def orbbec(**metadata):
    """orbbec_camera_msgs/msg/Metadata."""
    told = {'frame_number': 9, 'exposure': 3000, 'gain': 16, 'hdr_sequence_index': 1}
    return Message(header=header(), json_data=json.dumps(told | metadata, indent=2))


def aravis(exposure_time=2500.5, gain=3.0):
    """camera_aravis/msg/ExtendedCameraInfo."""
    return Message(camera_info=Message(header=header(), width=640), exposure_time=exposure_time,
                   gain=gain, black_level=0.0, temperature=40.0)


def reader(**settings):
    return MetadataReader(source_of(NodeSettings(**settings)))


@pytest.mark.parametrize(('source', 'message', 'expected'), [
    ('camera_ros', camera_ros(ExposureTime='4000', AnalogueGain='2.000000', FrameSequence='12',
                              DigitalGain='1.500000', Lux='120.5'), FrameMetadata(4e-3, 3.0, 12)),
    ('camera_ros', camera_ros(ExposureTime='500'), FrameMetadata(5e-4, 1.0, None)),
    ('flir', flir(), FrameMetadata(4e-3, 10.0, None)),
    ('flir', flir(gain=0.0), FrameMetadata(4e-3, 1.0, None)),
    ('realsense', realsense(), FrameMetadata(8.5e-3, 1.0, 112)),
    ('orbbec', orbbec(), FrameMetadata(3e-3, 1.0, 9)),
    ('aravis', aravis(), FrameMetadata(2500.5e-6, 1.0, None)),
])
def test_each_source_tells_seconds_a_factor_a_counter_and_the_stamp(source, message, expected):
    reads = reader(exposure_source=source)
    told = reads.read(message)
    assert told.exposure_time == pytest.approx(expected.exposure_time)
    assert (told.gain, told.sequence_id) == (pytest.approx(expected.gain), expected.sequence_id)
    assert reads.stamp_ns(message) == STAMP_NS


def test_diagnostics_of_others_are_no_metadata():
    assert reader(exposure_source='camera_ros').read(camera_ros(temperature='60')) is None


@pytest.mark.parametrize(('source', 'message', 'text'), [
    ('camera_ros', camera_ros(ExposureTime='auto'), "ExposureTime: expected a number, got 'auto'"),
    ('camera_ros', camera_ros(ExposureTime='-3'), 'ExposureTime: expected a positive number'),
    ('camera_ros', camera_ros(ExposureTime='4000', AnalogueGain='nan'), 'AnalogueGain: expected'),
    ('flir', flir(exposure_time=0), 'exposure_time: expected a positive number, got 0'),
    ('flir', flir(gain=float('nan')), 'gain: expected a number, got nan'),
    ('realsense', Message(header=header(), json_data='{"frame_number": 3}'),
     'expected json_data.actual_exposure, got only frame_number'),
    ('realsense', Message(header=header(), json_data='{"frame_number":'), 'actual_exposure'),
    ('orbbec', orbbec(exposure=None), 'exposure: expected a number, got None'),
])
def test_what_cannot_be_is_one_line(source, message, text):
    with pytest.raises(ValueError, match=text) as error:
        reader(exposure_source=source).read(message)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(('source', 'message', 'changed'), [
    ('realsense', realsense(), realsense(gain_level=32)),
    ('orbbec', orbbec(), orbbec(gain=32)), ('aravis', aravis(), aravis(gain=6.0)),
])
def test_a_gain_of_unknown_unit_must_not_change(source, message, changed):
    reads = reader(exposure_source=source)
    reads.read(message)
    with pytest.raises(ValueError, match=r'expected a constant gain.*set gain_unit'):
        reads.read(changed)
    assert reads.read(changed).gain == 1.0  # and stays refused for no longer than it changes
    told = reader(exposure_source=source, gain_unit='16ths')
    assert (told.read(message).gain, told.read(changed).gain) != (1.0, 1.0)
    free = reader(exposure_source=source, gain_unit='ignore')
    assert (free.read(message).gain, free.read(changed).gain) == (1.0, 1.0)


def test_a_source_takes_units_and_fields_that_its_driver_has_otherwise():
    told = reader(exposure_source='realsense', exposure_unit='100us', gain_unit='16ths',
                  counter_field='json_data.frame_counter').read(
                      realsense(actual_exposure=166, gain_level=32, frame_counter=5))
    assert told == FrameMetadata(pytest.approx(0.0166), 2.0, 5)


FIELD = {'exposure_source': 'field', 'metadata_type': 'my_msgs/Shot',
         'exposure_field': 'shot.exposure', 'exposure_unit': 'ms'}


def shot(exposure=4.0, **fields):
    return Message(header=header(), shot=Message(exposure=exposure, **fields))


def test_any_field_of_any_message_may_tell():
    reads = reader(**FIELD, gain_field='shot.gain', gain_unit='db', counter_field='shot.count',
                   stamp_field='shot.at')
    message = shot(gain=20.0, count=3, at=Message(sec=5, nanosec=6))
    assert reads.read(message) == FrameMetadata(pytest.approx(0.004), pytest.approx(10.0), 3)
    assert reads.stamp_ns(message) == 5 * 10**9 + 6
    assert source_of(NodeSettings(**FIELD)).msgtype == 'my_msgs/msg/Shot'


def test_a_duration_is_an_exposure_time_in_seconds():
    settings = FIELD | {'exposure_unit': 's'}
    assert reader(**settings).read(shot(Message(sec=0, nanosec=4_000_000))).exposure_time == 0.004


@pytest.mark.parametrize(('settings', 'text'), [
    ({'gain_field': 'shot.gain'}, 'expected shot.gain, got only exposure'),
    ({'counter_field': 'shot.count'}, 'expected shot.count, got only exposure'),
])
def test_fields_that_were_asked_for_have_to_be_there(settings, text):
    with pytest.raises(ValueError, match=text):
        reader(**FIELD, **settings).read(shot())


def test_a_stamp_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r'shot\.exposure: expected a stamp.*set stamp_field'):
        reader(**FIELD, stamp_field='shot.exposure').stamp_ns(shot())


def test_a_wrong_unit_is_refused_by_the_configured_times():
    source = source_of(NodeSettings(**FIELD | {'exposure_unit': 's'}))
    with pytest.raises(ValueError, match='exposure: expected times like'):
        MetadataReader(source, (0.001, 0.004, 0.016)).read(shot(16.0))


def test_parameters_need_no_source():
    assert source_of(NodeSettings()) is None


@pytest.mark.parametrize('missing', ['metadata_type', 'exposure_field', 'exposure_unit'])
def test_a_field_needs_to_be_named_with_its_type_and_unit(missing):
    settings = {name: value for name, value in FIELD.items() if name != missing}
    with pytest.raises(ValueError, match=f'{missing}: expected .* with exposure_source field'):
        NodeSettings(**settings)


def test_every_source_is_a_choice_of_its_parameter(settings_choices):
    assert set(SOURCES) == settings_choices('exposure_source') - {'parameters', 'field'}
