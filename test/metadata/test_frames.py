# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace as Message

import numpy as np
import pytest

from ddfnet_ros.metadata.frames import frame_of

PIXELS = np.zeros((2, 3), np.uint8)
IMAGE = Message(header=Message(stamp=Message(sec=12, nanosec=34), frame_id='camera_000042'))


def test_a_frame_has_the_header_of_its_message():
    frame = frame_of(IMAGE, PIXELS, stream=2)
    assert (frame.stamp_ns, frame.frame_id, frame.stream, frame.sequence_id) == (
        12 * 10**9 + 34, 'camera_000042', 2, None)
    assert frame.exposure_time is None
    assert frame.pixels is PIXELS


def test_a_field_may_count_the_frames():
    assert frame_of(IMAGE, PIXELS, counter_field='header.frame_id').sequence_id == 42


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r'expected header\.seq, got only stamp, frame_id'):
        frame_of(IMAGE, PIXELS, counter_field='header.seq')


@pytest.mark.parametrize(('sec', 'nanosec'), [(2**31 - 1, 10**9), (-2**31 - 1, 0)])
def test_a_stamp_that_no_message_can_have_again_is_refused(sec, nanosec):
    stamp = Message(sec=sec, nanosec=nanosec)
    message = Message(header=Message(stamp=stamp, frame_id='camera'))
    with pytest.raises(ValueError, match=r'header\.stamp: expected seconds of 32 bits, got'):
        frame_of(message, PIXELS)


def test_more_than_a_second_of_nanoseconds_is_more_than_a_second():
    stamp = Message(sec=2, nanosec=15 * 10**8)
    message = Message(header=Message(stamp=stamp, frame_id='camera'))
    assert frame_of(message, PIXELS).stamp_ns == 35 * 10**8
