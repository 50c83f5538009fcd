# SPDX-License-Identifier: Apache-2.0
import struct

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from ddfnet_ros import images
from ddfnet_ros.images import ImageError

from .conftest import random_pixels, save


@pytest.mark.parametrize('shape', [(12, 17, 3), (12, 17)])
@pytest.mark.parametrize(('suffix', 'dtype'), [
    ('png', np.uint8), ('png', np.uint16), ('tif', np.uint8), ('tif', np.uint16),
    ('tif', np.float32),
])
def test_lossless_files_come_back_as_they_were_in_rgb(tmp_path, suffix, dtype, shape):
    pixels = random_pixels(dtype, shape)
    read = images.read_ldr(save(tmp_path / f'frame.{suffix}', pixels))
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)


def patched(path, tag, value):
    """A TIFF in whose first directory a tag has another value."""
    data = bytearray(path.read_bytes())
    order = '<' if data.startswith(b'II') else '>'
    entry = data.index(struct.pack(f'{order}HHI', tag, 3, 1), *struct.unpack(
        f'{order}I', data[4:8]))
    struct.pack_into(f'{order}H', data, entry + 8, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('dtype', [np.uint16, np.float32])
@pytest.mark.parametrize(('shape', 'tag', 'value', 'what'), [
    ((12, 17, 3), 284, 2, 'a plane for each colour'), ((12, 17), 262, 0, 'zero as white'),
    ((12, 17), 277, 2, 'transparency'),
])
def test_tiffs_that_would_be_read_wrongly_are_refused(tmp_path, dtype, shape, tag, value, what):
    path = patched(save(tmp_path / 'odd.tif', random_pixels(dtype, shape)), tag, value)
    with pytest.raises(ImageError, match=f'odd.tif: expected .* got {what}; save it as'):
        images.read_ldr(path)


def test_a_tiff_of_8_bits_may_have_zero_as_white(tmp_path):
    pixels = random_pixels(np.uint8, (12, 17))
    path = patched(save(tmp_path / 'negative.tif', pixels), 262, 0)
    np.testing.assert_array_equal(images.read_ldr(path), 255 - pixels)


@pytest.mark.parametrize('compression', [None, 'tiff_lzw'])
def test_a_tiff_of_8_bits_with_transparency_is_refused_and_an_opaque_one_is_not(
        tmp_path, compression):
    pixels = random_pixels(np.uint8, (8, 9, 4))
    Image.fromarray(pixels).save(tmp_path / 'rgba.tif', compression=compression)
    with pytest.raises(ImageError, match=r'rgba.tif: expected .* got transparency; save it as'):
        images.read_ldr(tmp_path / 'rgba.tif')
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / 'opaque.tif', compression=compression)
    np.testing.assert_array_equal(images.read_ldr(tmp_path / 'opaque.tif'), pixels[..., :3])


def test_the_colours_of_a_png_stay_whatever_its_transparency(tmp_path):
    pixels = random_pixels(np.uint8, (8, 9, 4))
    Image.fromarray(pixels).save(tmp_path / 'rgba.png')
    np.testing.assert_array_equal(images.read_ldr(tmp_path / 'rgba.png'), pixels[..., :3])


def test_jpeg_is_read_as_rgb(tmp_path):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    np.testing.assert_allclose(images.read_ldr(save(tmp_path / 'red.jpg', red)), red, atol=3)


def test_hdr_is_read_within_its_precision(tmp_path):
    pixels = random_pixels(np.float32)
    read = images.read_ldr(save(tmp_path / 'frame.hdr', pixels))
    np.testing.assert_allclose(read, pixels, atol=0.01)


def test_turned_photographs_are_read_upright(tmp_path):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # Exif 2.3, Orientation: to be turned clockwise
    lying = Image.fromarray(np.rot90(upright, 1).copy())
    lying.save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    read = images.read_ldr(tmp_path / 'turned.jpg')
    assert read.shape == upright.shape
    np.testing.assert_allclose(read[:, 2:14], 255, atol=5)


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'tif', 'hdr'])
def test_truncated_files_are_refused_in_silence(tmp_path, capfd, suffix):
    dtype = np.float32 if suffix == 'hdr' else np.uint8
    whole = save(tmp_path / f'frame.{suffix}', random_pixels(dtype, (40, 50, 3))).read_bytes()
    cut = tmp_path / f'cut.{suffix}'
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=f'cut.{suffix}: expected .* got '):
        images.read_ldr(cut)
    assert capfd.readouterr().err == ''


def test_jpeg_cut_behind_its_thumbnail_is_refused(tmp_path):
    thumbnail = cv2.imencode('.jpg', random_pixels(np.uint8))[1].tobytes()
    whole = cv2.imencode('.jpg', random_pixels(np.uint8, (40, 50, 3)))[1].tobytes()
    app1 = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    data = whole[:2] + app1 + whole[2:]
    assert images.decode(data).shape == (40, 50, 3)
    with pytest.raises(ImageError, match='truncated'):
        images.decode(data[:-200])


def test_what_follows_the_end_of_a_jpeg_does_not_matter():
    picture = random_pixels(np.uint8, (40, 50, 3))
    whole = cv2.imencode('.jpg', picture)[1].tobytes()
    video = bytes(np.random.default_rng(1).integers(0, 256, 300_000, np.uint8)) + b'\xff\xda'
    np.testing.assert_array_equal(images.decode(whole + video), images.decode(whole))


@pytest.mark.parametrize('progressive', [0, 1])
def test_a_jpeg_cut_anywhere_is_refused(progressive):
    whole = cv2.imencode('.jpg', random_pixels(np.uint8, (40, 50, 3)), [
        cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    assert images.decode(whole).shape == (40, 50, 3)
    for end in range(3, len(whole) - 1, 7):
        with pytest.raises(ImageError):
            images.decode(whole[:end])


@pytest.mark.parametrize('data', [b'', b'not an image', b'\x89PNG\r\n\x1a\n'])
def test_what_is_not_an_image_is_refused(data):
    with pytest.raises(ImageError, match='image: expected'):
        images.decode(data)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing'):
        images.read_ldr(tmp_path / 'nothing.png')


def test_exr_with_luminance_only_is_read(tmp_path):
    grey = random_pixels(np.float32, (5, 6))
    OpenEXR.File({'compression': OpenEXR.ZIP_COMPRESSION}, {'Y': grey}).write(
        str(tmp_path / 'y.exr'))
    np.testing.assert_array_equal(images.read_exr(tmp_path / 'y.exr')[..., 2], grey)


def test_exr_with_other_channels_names_them(tmp_path):
    depth = random_pixels(np.float32, (5, 6))
    OpenEXR.File({'compression': OpenEXR.ZIP_COMPRESSION}, {'Z': depth}).write(
        str(tmp_path / 'z.exr'))
    with pytest.raises(ImageError, match='got Z'):
        images.read_exr(tmp_path / 'z.exr')


def test_truncated_exr_is_refused_in_silence(tmp_path, capfd):
    path = tmp_path / 'whole.exr'
    images.write_exr(path, random_pixels(np.float32, (60, 80, 3)))
    cut = tmp_path / 'cut.exr'
    cut.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(ImageError, match='expected a whole EXR file'):
        images.read_ldr(cut)
    assert capfd.readouterr().err == ''
