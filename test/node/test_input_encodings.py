# SPDX-License-Identifier: Apache-2.0
"""Pixels of every encoding over real DDS: what arrives is what they show."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from .conftest import header, image
from .input_bench import RGB, TOPIC

COLOUR = (40, 90, 200)  # of a wall; red, green, blue
DEEP = np.arange(72, dtype=np.uint16).reshape(4, 6, 3) * 56  # of 12 bits


def widened(deep):
    """12 bits in 16."""
    return (deep << 4) | (deep >> 8)


def mosaic(order, scale=1):
    """A wall of one colour behind a Bayer filter; the order is that of its rows, left to right."""
    tile = np.array([COLOUR['rgb'.index(letter)] for letter in order]).reshape(2, 2) * scale
    return np.tile(tile, (2, 3)).astype(np.uint8 if scale == 1 else np.uint16)


def sent(encoding):
    """The picture as another encoding, what should come of it, and fields of the message."""
    flat = np.full((4, 6, 3), 128, np.uint8)
    wall = flat * 0 + np.array(COLOUR, np.uint8)
    luma_first = np.full((4, 6, 2), 128, np.uint8)
    luma_first[..., 0] = 100
    grey = flat * 0 + round(1.164 * (100 - 16))
    return {
        'bgr8': (RGB[..., ::-1], RGB, {}),
        'rgba8': (np.dstack([RGB, RGB[..., :1]]), RGB, {}),
        'bgra8': (np.dstack([RGB[..., ::-1], RGB[..., :1]]), RGB, {}),
        'mono16': (DEEP[..., 0], widened(DEEP[..., 0]), {}),
        'rgb16': (DEEP, widened(DEEP), {}),
        'bgr16': (DEEP[..., ::-1], widened(DEEP), {}),
        'rgb16, big-endian': (DEEP.byteswap(), widened(DEEP), {'is_bigendian': 1}),
        'bayer_rggb8': (mosaic('rggb'), wall, {}),
        'bayer_grbg8': (mosaic('grbg'), wall, {}),
        'bayer_bggr8': (mosaic('bggr'), wall, {}),
        'bayer_gbrg16': (mosaic('gbrg', 16), widened(wall.astype(np.uint16) * 16), {}),
        'yuyv': (luma_first, grey, {}),
        'uyvy': (luma_first[..., ::-1], grey, {}),
        'nv12': (np.full((6, 6), 128, np.uint8), flat + 2, {'height': 4}),
    }[encoding]


@pytest.mark.parametrize('encoding', [
    'bgr8', 'rgba8', 'bgra8', 'mono16', 'rgb16', 'bgr16', 'rgb16, big-endian', 'bayer_rggb8',
    'bayer_grbg8', 'bayer_bggr8', 'bayer_gbrg16', 'yuyv', 'uyvy', 'nv12'])
def test_encodings_arrive_as_what_they_show(inputs_with, encoding):
    bench = inputs_with(cycle_period=0.03, significant_bits=12)
    pixels, expected, fields = sent(encoding)
    pixels = np.ascontiguousarray(pixels)
    for k in range(3):
        bench.send(TOPIC, image(pixels, 3 * 10**9 + k * 10**7,
                                encoding=encoding.partition(',')[0], **fields))
    for frame in bench.next().bracket.frames:
        assert frame.pixels.dtype == expected.dtype
        np.testing.assert_allclose(frame.pixels.astype(int), expected.astype(int), atol=2)


def test_a_jpeg_arrives_as_what_it_shows(inputs_with):
    topic = f'{TOPIC}/compressed'
    bench = inputs_with(image_topics=(topic,), cycle_period=0.03)
    wall = np.full((16, 16, 3), COLOUR, np.uint8)
    jpeg = cv2.imencode('.jpg', wall[..., ::-1])[1].tobytes()
    for k in range(3):
        bench.send(topic, CompressedImage(header=header(3 * 10**9 + k * 10**7), data=jpeg,
                                          format='rgb8; jpeg compressed bgr8'))
    for frame in bench.next().bracket.frames:
        np.testing.assert_allclose(frame.pixels.astype(int), wall.astype(int), atol=3)


def test_a_compressed_mosaic_arrives_in_colours(inputs_with):
    topic = f'{TOPIC}/compressed'
    bench = inputs_with(image_topics=(topic,), cycle_period=0.03)
    png = cv2.imencode('.png', np.full((4, 6), 128, np.uint8))[1].tobytes()
    for k in range(3):
        bench.send(topic, CompressedImage(header=header(3 * 10**9 + k * 10**7), data=png,
                                          format='bayer_rggb8; png compressed '))
    assert bench.next().bracket.reference.pixels.shape == (4, 6, 3)


def test_an_encoding_that_nobody_knows_costs_the_image_and_is_said(inputs_with, capfd):
    bench = inputs_with(cycle_period=0.03)
    bench.send(TOPIC, image(RGB, 10**9, encoding='yuv444'))
    bench.spin_until(lambda: bench.drops, 'drop')
    assert bench.drops == {'invalid': 1}
    assert f'{TOPIC}: expected mono, rgb, bgr, rgba, bgra or bayer' in capfd.readouterr().err
