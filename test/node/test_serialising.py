# SPDX-License-Identifier: Apache-2.0
import io
import tracemalloc

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ddfnet_ros.bracket import Frame
from ddfnet_ros.metadata.fields import nanoseconds
from ddfnet_ros.node.messages import frame_from
from ddfnet_ros.node.serialising import header_of, image_cdr, jpeg_message

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def header():
    message = Header(frame_id='camera')
    message.stamp.sec, message.stamp.nanosec = 12, 34
    return message


@pytest.mark.parametrize(('pixels', 'encoding'), [
    (RGB, 'bgr8'), (RGB[..., 0], 'mono8'),
    (RGB.astype(np.uint16) * 300, 'rgb16'), (RGB[..., 0].astype(np.uint16) * 300, 'mono16'),
    (RGB.astype(np.float32) / 7, '32FC3'), (RGB[..., 1].astype(np.float32) / 7, '32FC1'),
])
def test_images_that_we_publish_decode_to_what_was_put_in(pixels, encoding):
    message = deserialize_message(image_cdr(header(), pixels), Image)
    assert (message.header, message.encoding) == (header(), encoding)
    assert (message.height, message.width) == (5, 7)
    assert message.step * message.height == len(message.data)
    array = np.frombuffer(message.data, pixels.dtype).reshape(pixels.shape)
    blue_first = encoding in ('bgr8', '32FC3')
    np.testing.assert_array_equal(array, pixels[..., ::-1] if blue_first else pixels)


@pytest.mark.parametrize('between', [(7, 9, 3), (2, 3, 3), (5, 7)])
def test_images_in_the_same_memory_are_those_of_new_memory(between):
    buffer, other = io.BytesIO(), np.full(between, 7, np.float32)
    for pixels in (RGB, other, RGB, RGB // 2):
        assert image_cdr(header(), pixels, buffer) == image_cdr(header(), pixels)


def test_bytes_that_were_kept_stay_as_they_are():
    buffer = io.BytesIO()
    kept = image_cdr(header(), RGB, buffer)
    image_cdr(header(), 255 - RGB, buffer)
    assert kept == image_cdr(header(), RGB)


def test_a_second_image_takes_no_memory_of_its_size():
    pixels, buffer = np.zeros((200, 300, 3), np.float32), io.BytesIO()
    image_cdr(header(), pixels, buffer)
    tracemalloc.start()
    image_cdr(header(), pixels, buffer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < pixels.nbytes / 10


def test_our_bytes_are_as_many_as_those_of_the_middleware():
    cdr = image_cdr(header(), RGB)
    assert len(cdr) == len(serialize_message(deserialize_message(cdr, Image)))


def test_a_frame_gives_back_the_header_that_it_came_with():
    frame = Frame(pixels=RGB, stamp_ns=12 * 10**9 + 34, frame_id='camera')
    assert header_of(frame) == header()


def test_negative_seconds_survive():
    frame = Frame(pixels=RGB, stamp_ns=-1)
    assert nanoseconds(header_of(frame).stamp) == -1


@pytest.mark.parametrize(('channels', 'words'), [
    (3, 'bgr8; jpeg compressed bgr8'), (1, 'mono8; jpeg compressed ')])
def test_a_compressed_picture_decodes_to_the_same_colours(channels, words):
    picture = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    picture = picture if channels == 3 else picture[..., 0]
    message = jpeg_message(header(), picture, quality=95)
    assert (message.header, message.format) == (header(), words)
    np.testing.assert_allclose(frame_from(message).pixels.astype(int), picture, atol=3)


def test_a_picture_too_large_for_jpeg_is_one_line():
    with pytest.raises(ValueError, match=r'expected a picture that JPEG can hold, got \(1, 70000'):
        jpeg_message(header(), np.zeros((1, 70000), np.uint8), quality=95)
