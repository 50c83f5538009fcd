# SPDX-License-Identifier: Apache-2.0
import re

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddfnet_ros.node.messages import frame_from

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def header():
    message = Header(frame_id='camera')
    message.stamp.sec, message.stamp.nanosec = 12, 34
    return message


def test_a_frame_has_the_header_of_its_message():
    message = Image(header=header(), height=5, width=7, step=21, encoding='rgb8',
                    data=RGB.tobytes())
    frame = frame_from(message, stream=2)
    assert (frame.stamp_ns, frame.frame_id, frame.stream) == (12 * 10**9 + 34, 'camera', 2)
    assert frame.exposure_time is None
    np.testing.assert_array_equal(frame.pixels, RGB)


def test_pixels_are_a_view_of_the_message_where_nothing_has_to_change():
    message = Image(height=5, width=7, step=7, encoding='mono8')
    message.data.frombytes(RGB[..., 0].tobytes())
    assert np.shares_memory(frame_from(message).pixels, np.frombuffer(message.data, np.uint8))


def test_a_png_decodes_to_the_same_pixels():
    _, png = cv2.imencode('.png', RGB[..., ::-1])
    message = CompressedImage(header=header(), format='png', data=png.tobytes())
    np.testing.assert_array_equal(frame_from(message).pixels, RGB)


@pytest.mark.parametrize(('changes', 'text'), [
    ({'data': b'\0' * 10}, 'expected 5 rows of 21 bytes'),
    ({'step': 20}, 'expected 5 rows of 21 bytes'),
    ({'width': 0}, 'expected an image with pixels'),
    ({'encoding': 'sepia8'}, 'sepia8'),
    ({'encoding': ''}, "encoding ''"),
    ({'encoding': '32FC3', 'step': 84, 'data': np.full((5, 7, 3), np.nan, np.float32).tobytes()},
     'expected finite pixels'),
    ({'encoding': '16SC3', 'step': 42, 'data': b'\0' * 210}, "got encoding '16SC3'"),
])
def test_bad_images_are_one_line_of_what_was_expected(changes, text):
    fields = {'height': 5, 'width': 7, 'step': 21, 'encoding': 'rgb8', 'data': RGB.tobytes()}
    with pytest.raises(ValueError, match=re.escape(text)) as error:
        frame_from(Image(**(fields | changes)))
    assert '\n' not in str(error.value)
