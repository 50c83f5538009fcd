# SPDX-License-Identifier: Apache-2.0
import re

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame
from ddfnet_ros.node.messages import frame_from, header_of, image_cdr, stamp_ns

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def header():
    message = Header(frame_id='camera')
    message.stamp.sec, message.stamp.nanosec = 12, 34
    return message


@pytest.mark.parametrize(('pixels', 'encoding'), [
    (RGB, 'bgr8'), (RGB[..., 0], 'mono8'),
    (RGB.astype(np.float32) / 7, '32FC3'), (RGB[..., 1].astype(np.float32) / 7, '32FC1'),
])
def test_images_that_we_publish_decode_to_what_was_put_in(pixels, encoding):
    message = deserialize_message(image_cdr(header(), pixels), Image)
    assert (message.header, message.encoding) == (header(), encoding)
    assert (message.height, message.width) == (5, 7)
    assert message.step * message.height == len(message.data)
    array = np.frombuffer(message.data, pixels.dtype).reshape(pixels.shape)
    np.testing.assert_array_equal(array, pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def test_our_bytes_are_as_many_as_those_of_the_middleware():
    cdr = image_cdr(header(), RGB)
    assert len(cdr) == len(serialize_message(deserialize_message(cdr, Image)))


def test_a_frame_has_the_header_of_its_message_and_gives_it_back():
    frame = frame_from(deserialize_message(image_cdr(header(), RGB), Image), stream=2)
    assert (frame.stamp_ns, frame.frame_id, frame.stream) == (12 * 10**9 + 34, 'camera', 2)
    assert frame.exposure_time is None
    assert header_of(frame) == header()
    assert stamp_ns(header()) == frame.stamp_ns
    np.testing.assert_array_equal(frame.pixels, RGB)


def test_pixels_are_a_view_of_the_message_where_nothing_has_to_change():
    message = Image(height=5, width=7, step=7, encoding='mono8')
    message.data.frombytes(RGB[..., 0].tobytes())
    assert np.shares_memory(frame_from(message).pixels, np.frombuffer(message.data, np.uint8))


def test_a_png_decodes_to_the_same_pixels():
    _, png = cv2.imencode('.png', RGB[..., ::-1])
    message = CompressedImage(header=header(), format='png', data=png.tobytes())
    np.testing.assert_array_equal(frame_from(message).pixels, RGB)


def test_negative_seconds_survive():
    frame = Frame(pixels=RGB, stamp_ns=-1)
    assert stamp_ns(header_of(frame)) == -1


@pytest.mark.parametrize(('changes', 'text'), [
    ({'data': b'\0' * 10}, 'expected 5 rows of 21 bytes'),
    ({'step': 20}, 'expected 5 rows of 21 bytes'),
    ({'width': 0}, 'expected an image with pixels'),
    ({'encoding': 'sepia8'}, 'sepia8'),
    ({'encoding': ''}, "encoding ''"),
    ({'encoding': '32FC3', 'step': 84, 'data': np.full((5, 7, 3), np.nan, np.float32).tobytes()},
     'expected finite pixels'),
    ({'encoding': '16SC3', 'step': 42, 'data': b'\0' * 210}, 'int16'),
])
def test_bad_images_are_one_line_of_what_was_expected(changes, text):
    fields = {'height': 5, 'width': 7, 'step': 21, 'encoding': 'rgb8', 'data': RGB.tobytes()}
    with pytest.raises(ValueError, match=re.escape(text)) as error:
        frame_from(Image(**(fields | changes)))
    assert '\n' not in str(error.value)
