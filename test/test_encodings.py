# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ddfnet_ros.encodings import pixels_of

RGB = np.array([[[250, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 110, 120]]], np.uint8)

JPEG = cv2.imencode('.jpg', np.random.default_rng(0).integers(0, 255, (40, 60, 3)))[1].tobytes()


def message(array, encoding, padding=0, big_endian=False):
    rows = np.ascontiguousarray(array).reshape(array.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return SimpleNamespace(height=array.shape[0], width=array.shape[1], encoding=encoding,
                           step=rows.shape[1], is_bigendian=big_endian, data=rows.tobytes())


@pytest.mark.parametrize(('encoding', 'order'), [
    ('rgb8', [0, 1, 2]), ('bgr8', [2, 1, 0]), ('rgba8', [0, 1, 2, 0]), ('bgra8', [2, 1, 0, 0]),
    ('8UC3', [2, 1, 0]),
])
@pytest.mark.parametrize('padding', [0, 5])
def test_colour_comes_out_as_rgb_whatever_the_order_and_the_padding(encoding, order, padding):
    pixels = pixels_of(message(RGB[..., order], encoding, padding))
    np.testing.assert_array_equal(pixels, RGB)


def test_sixteen_bits_are_kept():
    deep = RGB.astype(np.uint16) * 257
    np.testing.assert_array_equal(pixels_of(message(deep[..., ::-1], 'bgr16')), deep)
    np.testing.assert_array_equal(pixels_of(message(deep[..., 0], 'mono16', 4)), deep[..., 0])


def test_big_endian_pixels_are_swapped():
    grey = np.array([[1, 258]], '>u2')
    pixels = pixels_of(message(grey, 'mono16', big_endian=True))
    assert pixels.tolist() == [[1, 258]]
    assert pixels.dtype == np.uint16


def test_float_images_are_bgr_as_opencv_reads_them():
    linear = RGB.astype(np.float32) / 255
    np.testing.assert_array_equal(pixels_of(message(linear[..., ::-1], '32FC3')), linear)


def test_grey_pixels_are_a_view_of_the_message():
    grey = message(RGB[..., 0], 'mono8')
    grey.data = bytearray(grey.data)
    pixels = pixels_of(grey)
    grey.data[0] = 7
    assert pixels[0, 0] == 7


def test_bayer_mosaic_of_a_red_scene_is_red():
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[::2, ::2] = 200  # rggb: red at even rows and columns
    red, green, blue = pixels_of(message(mosaic, 'bayer_rggb8'))[2:-2, 2:-2].mean((0, 1))
    assert red > 150
    assert green == blue == 0


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_compressed_images_come_out_as_rgb(suffix):
    flat = np.broadcast_to(RGB[:1, :1], (16, 16, 3))
    data = cv2.imencode(suffix, flat[..., ::-1])[1].tobytes()
    pixels = pixels_of(SimpleNamespace(format='jpeg', data=data))
    assert np.abs(pixels.astype(int) - flat).max() <= (0 if suffix == '.png' else 3)


@pytest.mark.parametrize('data', [b'', b'no picture', JPEG[:-200]])
def test_compressed_bytes_that_do_not_decode_are_refused(data):
    with pytest.raises(ValueError, match='expected'):
        pixels_of(SimpleNamespace(format='jpeg', data=data))


@pytest.mark.parametrize('change', [{'data': b'abc'}, {'step': 2}, {'height': 0}, {'width': 0}])
def test_message_without_all_its_bytes_is_refused(change):
    short = message(RGB, 'rgb8')
    vars(short).update(change)
    with pytest.raises(ValueError, match=r'expected .* got'):
        pixels_of(short)


@pytest.mark.parametrize('encoding', ['nv12', 'bogus', ''])
def test_unknown_encoding_is_named(encoding):
    with pytest.raises(ValueError, match=f"got encoding '{encoding}'"):
        pixels_of(message(RGB[..., 0], encoding))
