# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from ddfnet_ros.bracket import Frame
from ddfnet_ros.exposure import FrameMetadata
from ddfnet_ros.node.exposure import SOURCES, StampMatcher


def frame(stamp_ns):
    return Frame(pixels=np.zeros((2, 3), np.uint8), stamp_ns=stamp_ns)


def metadata(exposure_time):
    return FrameMetadata(exposure_time, gain=2.0, sequence_id=7)


def controls(**values):
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticArray(status=[DiagnosticStatus(values=pairs)])


def test_camera_ros_tells_exposure_in_microseconds_and_gains_as_factors():
    read = SOURCES['camera_ros'].read(
        controls(ExposureTime='4000', AnalogueGain='2.000000', DigitalGain='1.500000',
                 FrameSequence='12', Lux='120.5'))
    assert (read.exposure_time, read.gain, read.sequence_id) == (0.004, 3.0, 12)


def test_camera_ros_skips_diagnostics_of_others():
    assert SOURCES['camera_ros'].read(controls(temperature='60')) is None


@pytest.mark.parametrize('text', ['0', '-3', 'nan', 'auto', ''])
def test_camera_ros_refuses_exposure_times_that_cannot_be(text):
    with pytest.raises(ValueError, match='ExposureTime: expected a positive number'):
        SOURCES['camera_ros'].read(controls(ExposureTime=text))


def test_metadata_before_its_frame_and_after_it_both_match():
    matcher = StampMatcher(depth=2)
    assert matcher.add_frame(frame(1)) is None
    late = matcher.add_metadata(1, metadata(0.5))
    assert matcher.add_metadata(2, metadata(0.25)) is None
    early = matcher.add_frame(frame(2))
    assert [(f.stamp_ns, f.exposure_time, f.gain, f.sequence_id) for f in (late, early)] == [
        (1, 0.5, 2.0, 7), (2, 0.25, 2.0, 7)]
    assert not +matcher.dropped


def test_only_equal_stamps_match():
    matcher = StampMatcher(depth=2)
    matcher.add_frame(frame(1))
    assert matcher.add_metadata(2, metadata(0.5)) is None


def test_a_frame_whose_metadata_never_comes_is_dropped_and_counted():
    matcher = StampMatcher(depth=2)
    for stamp in (1, 2, 3):
        matcher.add_frame(frame(stamp))
    assert matcher.dropped['no_metadata'] == 1
    assert matcher.add_metadata(1, metadata(0.5)) is None
    assert matcher.add_metadata(3, metadata(0.5)).stamp_ns == 3


def test_metadata_without_frames_do_not_pile_up():
    matcher = StampMatcher(depth=2)
    for stamp in (1, 2, 3):
        matcher.add_metadata(stamp, metadata(0.5))
    assert matcher.add_frame(frame(1)) is None
    assert matcher.add_frame(frame(2)) is not None


def test_a_frame_that_came_twice_is_exposed_twice():
    matcher = StampMatcher(depth=2)
    matcher.add_metadata(1, metadata(0.5))
    assert matcher.add_frame(frame(1))
    assert matcher.add_frame(frame(1))


def test_reset_forgets_frames_and_metadata():
    matcher = StampMatcher(depth=4)
    matcher.add_frame(frame(1))
    matcher.add_metadata(2, metadata(0.5))
    matcher.reset()
    assert matcher.add_metadata(1, metadata(0.5)) is None
    assert matcher.add_frame(frame(2)) is None
    assert matcher.dropped['no_metadata'] == 1


def test_a_frame_whose_metadata_is_useless_is_forgotten():
    matcher = StampMatcher(depth=4)
    matcher.add_frame(frame(1))
    matcher.discard(1)
    assert matcher.add_metadata(1, metadata(0.5)) is None
