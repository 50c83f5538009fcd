# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ddfnet_ros.bracket import Frame
from ddfnet_ros.encodings import UnknownEncodingError, pixels_of

RGB = np.array([[[250, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 110, 120]]], np.uint8)

JPEG = cv2.imencode('.jpg', np.random.default_rng(0).integers(0, 255, (40, 60, 3)))[1].tobytes()


def message(array, encoding, padding=0, big_endian=False):
    rows = np.ascontiguousarray(array).reshape(array.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return SimpleNamespace(height=array.shape[0], width=array.shape[1], encoding=encoding,
                           step=rows.shape[1], is_bigendian=big_endian, data=rows.tobytes())


ORDERS = {
    'rgb8': [0, 1, 2], 'bgr8': [2, 1, 0], 'rgba8': [0, 1, 2, 0], 'bgra8': [2, 1, 0, 0],
    'rgb16': [0, 1, 2], 'bgr16': [2, 1, 0], 'rgba16': [0, 1, 2, 0], 'bgra16': [2, 1, 0, 0],
    '8UC3': [2, 1, 0], '16UC3': [2, 1, 0], '8UC4': [2, 1, 0, 0], 'mono8': 0, 'mono16': 0,
    '8UC1': 0, '16UC1': 0,
}


def deep(encoding):
    """The picture, in 16 bits where the encoding has them; both bytes of a sample differ."""
    return RGB * np.uint16(259) if '16' in encoding else RGB


@pytest.mark.parametrize(('encoding', 'order'), ORDERS.items())
@pytest.mark.parametrize('padding', [0, 4, 5])
@pytest.mark.parametrize('big_endian', [False, True])
def test_samples_come_out_in_the_order_of_rgb_whatever_their_own(
        encoding, order, padding, big_endian):
    picture = deep(encoding)
    sent = picture[..., order].astype(picture.dtype.newbyteorder('>' if big_endian else '<'))
    pixels = pixels_of(message(sent, encoding, padding, big_endian))
    np.testing.assert_array_equal(pixels, picture[..., 0] if order == 0 else picture)
    assert pixels.dtype == picture.dtype.newbyteorder('=')
    assert not any(stride % pixels.itemsize for stride in pixels.strides)  # as torch wants it
    Frame(pixels=pixels)  # of a kind that all rooms take


@pytest.mark.parametrize('encoding', [*ORDERS, '32FC1', '32FC3'])
@pytest.mark.parametrize('padding', [0, 4])
def test_nothing_is_copied_that_can_be_viewed(encoding, padding):
    order = ORDERS.get(encoding, 0 if encoding == '32FC1' else [2, 1, 0])
    picture = RGB / np.float32(255) if encoding.startswith('32F') else deep(encoding)
    sent = message(picture[..., order], encoding, padding)
    sent.data = bytearray(sent.data)
    pixels = pixels_of(sent)
    assert np.shares_memory(pixels, np.frombuffer(sent.data, np.uint8))
    np.testing.assert_array_equal(pixels, picture[..., 0] if order == 0 else picture)


@pytest.mark.parametrize('bits', [8, 10, 12])
@pytest.mark.parametrize('encoding', ['mono16', 'bayer_rggb16', 'rgb16'])
def test_samples_of_fewer_bits_are_stretched_to_all_sixteen(bits, encoding):
    top = 2**bits - 1
    channels = (3,) if encoding == 'rgb16' else ()
    for value, expected in ((0, 0), (top, 65535), (top // 3, 65535 * (top // 3) / top)):
        sent = message(np.full((4, 4, *channels), value, np.uint16), encoding)
        assert pixels_of(sent, bits) == pytest.approx(expected, abs=1)


def test_samples_of_more_bits_than_they_should_have_are_refused():
    with pytest.raises(ValueError, match='expected samples of 12 bits, 0 to 4095, got 4096'):
        pixels_of(message(np.array([[4096]], np.uint16), 'mono16'), 12)


def test_eight_bits_are_eight_bits_though_sixteen_may_be_twelve():
    np.testing.assert_array_equal(pixels_of(message(RGB, 'rgb8'), 12), RGB)


def test_float_images_are_bgr_as_opencv_reads_them():
    linear = RGB.astype(np.float32) / 255
    np.testing.assert_array_equal(pixels_of(message(linear[..., ::-1], '32FC3')), linear)


MOSAICS = ('rggb', 'bggr', 'gbrg', 'grbg')


def mosaic_of(pattern, dtype):
    """What a sensor behind such a filter sees of one colour; each channel has its own value."""
    colour = dict(zip('rgb', (200, 90, 10), strict=True))
    tile = np.array([colour[name] for name in pattern], dtype).reshape(2, 2)
    return np.tile(tile, (4, 5)) * (257 if dtype == np.uint16 else 1)


@pytest.mark.parametrize('pattern', MOSAICS)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('padding', [0, 6])
def test_a_mosaic_of_one_colour_has_that_colour_everywhere(pattern, dtype, padding):
    sent = mosaic_of(pattern, dtype)
    pixels = pixels_of(message(sent, f'bayer_{pattern}{sent.itemsize * 8}', padding))
    assert pixels.shape == (8, 10, 3)
    assert pixels.dtype == dtype
    scale = 257 if dtype == np.uint16 else 1
    np.testing.assert_array_equal(pixels, np.broadcast_to([200, 90, 10], (8, 10, 3)) * scale)


@pytest.mark.parametrize('pattern', MOSAICS)
@pytest.mark.parametrize('bits', [8, 16])
def test_a_mosaic_that_image_transport_compressed_has_its_colours(pattern, bits):
    sent = mosaic_of(pattern, np.uint8 if bits == 8 else np.uint16)
    png = cv2.imencode('.png', sent)[1].tobytes()
    pixels = pixels_of(SimpleNamespace(format=f'bayer_{pattern}{bits}; png compressed ', data=png))
    scale = 257 if bits == 16 else 1
    np.testing.assert_array_equal(pixels[3, 3], np.array([200, 90, 10]) * scale)


def test_a_compressed_mosaic_of_floats_is_refused():
    tiff = cv2.imencode('.tiff', np.zeros((8, 10), np.float32))[1].tobytes()
    with pytest.raises(ValueError, match='expected a mosaic of 8 or 16 bits, got float32'):
        pixels_of(SimpleNamespace(format='bayer_rggb8; tiff compressed ', data=tiff))


# Y, Cb, Cr of ITU-R BT.601 in its limited range, as video has it.
RED, BLUE = (81, 90, 240), (41, 240, 110)


def yuv(encoding, colour):
    """A flat picture of 4 x 6 pixels."""
    luma, cb, cr = colour
    pairs = {'uyvy': [cb, luma, cr, luma], 'yuyv': [luma, cb, luma, cr]}
    pairs |= {'yuv422': pairs['uyvy'], 'yuv422_yuy2': pairs['yuyv']}
    if encoding in pairs:
        return message(np.tile(np.array(pairs[encoding], np.uint8), (4, 3)).reshape(4, 6, 2),
                       encoding, padding=2)
    chroma = [cb, cr] if encoding == 'nv12' else [cr, cb]
    planes = np.vstack([np.full((4, 6), luma, np.uint8),
                        np.tile(np.array(chroma, np.uint8), (2, 3))])
    sent = message(planes, encoding, padding=2)
    sent.height = 4
    return sent


@pytest.mark.parametrize('encoding', ['uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2', 'nv12', 'nv21'])
@pytest.mark.parametrize(('colour', 'rgb'), [(RED, (255, 0, 0)), (BLUE, (0, 0, 255))])
def test_video_encodings_come_out_as_rgb(encoding, colour, rgb):
    pixels = pixels_of(yuv(encoding, colour))
    assert pixels.shape == (4, 6, 3)
    assert np.abs(pixels.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize(('encoding', 'size'), [
    ('uyvy', (4, 5)), ('nv12', (4, 5)), ('nv12', (3, 6)),
])
def test_pixels_that_share_a_colour_come_in_pairs(encoding, size):
    sent = yuv(encoding, RED)
    sent.height, sent.width = size
    with pytest.raises(ValueError, match=f'expected even sizes for {encoding}, got'):
        pixels_of(sent)


def test_chroma_that_is_missing_is_missed():
    sent = yuv('nv12', RED)
    sent.data = sent.data[:4 * sent.step]
    with pytest.raises(ValueError, match='expected 6 rows of 6 bytes'):
        pixels_of(sent)


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


@pytest.mark.parametrize('encoding', ['nv24', '16SC3', '64FC1', '8UC2', 'bogus', ''])
def test_an_encoding_that_is_not_known_is_named(encoding):
    with pytest.raises(UnknownEncodingError, match=f"got encoding '{encoding}'"):
        pixels_of(message(RGB[..., 0], encoding))
