# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from ddfnet_ros import images
from ddfnet_ros.images import ImageError


def random_pixels(dtype, shape=(12, 17, 3)):
    rng = np.random.default_rng(0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (rng.random(shape) * top).astype(dtype)


def save(path, pixels):
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    assert cv2.imwrite(str(path), bgr)
    return path


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


@pytest.mark.parametrize('data', [b'', b'not an image', b'\x89PNG\r\n\x1a\n'])
def test_what_is_not_an_image_is_refused(data):
    with pytest.raises(ImageError, match='image: expected'):
        images.decode(data)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing'):
        images.read_ldr(tmp_path / 'nothing.png')


def test_exposure_time_and_gain_come_from_exif(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({33434: IFDRational(1, 250), 34855: 400})
    path = tmp_path / 'photo.jpg'
    Image.fromarray(random_pixels(np.uint8)).save(path, exif=exif)
    assert images.read_exposure_time(path) == pytest.approx(1 / 250)
    assert images.read_gain(path) == 4


@pytest.mark.parametrize('time', [(0, 1), (1, 0)])
def test_exif_without_a_usable_time_gives_none(tmp_path, time):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({33434: IFDRational(*time)})
    path = tmp_path / 'photo.jpg'
    Image.fromarray(random_pixels(np.uint8)).save(path, exif=exif)
    assert images.read_exposure_time(path) is None
    assert images.read_gain(path) == 1


def test_files_without_exif_give_none(tmp_path):
    images.write_exr(tmp_path / 'a.exr', random_pixels(np.float32))
    assert images.read_exposure_time(tmp_path / 'a.exr') is None
    path = save(tmp_path / 'a.png', random_pixels(np.uint8))
    assert images.read_exposure_time(path) is None


def test_a_picture_too_large_for_pillow_tells_no_exposure(tmp_path, monkeypatch):
    path = tmp_path / 'photo.jpg'
    Image.fromarray(random_pixels(np.uint8)).save(path)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 12 * 17 // 2 - 1)
    assert images.read_exposure_time(path) is None
    assert images.read_gain(path) == 1


def test_exif_of_a_png_that_is_no_tiff_gives_none(tmp_path):
    path = tmp_path / 'photo.png'
    Image.fromarray(random_pixels(np.uint8)).save(path, exif=b'Exif\0\0no TIFF')
    assert images.read_exposure_time(path) is None
    assert images.read_gain(path) == 1


def test_exr_keeps_every_bit_in_channels_r_g_b(tmp_path):
    radiance = random_pixels(np.float32) * 1e5
    path = tmp_path / 'radiance.exr'
    images.write_exr(path, radiance)
    np.testing.assert_array_equal(images.read_exr(path), radiance)
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    assert sorted(channels) == ['B', 'G', 'R']
    np.testing.assert_array_equal(channels['R'].pixels, radiance[..., 0])


def test_exr_of_grey_radiance_repeats_it(tmp_path):
    grey = random_pixels(np.float32, (5, 6))
    images.write_exr(tmp_path / 'grey.exr', grey)
    np.testing.assert_array_equal(
        images.read_exr(tmp_path / 'grey.exr'), np.repeat(grey[..., None], 3, -1))


def test_compact_exr_is_small_and_close(tmp_path):
    y, x = np.mgrid[0:200, 0:300] / 300
    radiance = np.stack([x, y, x * y], -1).astype(np.float32)
    images.write_exr(tmp_path / 'exact.exr', radiance)
    images.write_exr(tmp_path / 'compact.exr', radiance, compact=True)
    np.testing.assert_allclose(images.read_exr(tmp_path / 'compact.exr'), radiance, atol=0.01)
    sizes = [(tmp_path / f'{name}.exr').stat().st_size for name in ('compact', 'exact')]
    assert sizes[0] < sizes[1] / 5


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


def test_png_is_written_in_rgb(tmp_path):
    for pixels in (random_pixels(np.uint8), random_pixels(np.uint8, (12, 17))):
        images.write_png(tmp_path / 'out.png', pixels)
        np.testing.assert_array_equal(images.read_ldr(tmp_path / 'out.png'), pixels)


@pytest.mark.parametrize('write', [images.write_exr, images.write_png])
def test_a_path_that_cannot_be_written_names_the_remedy(tmp_path, write):
    with pytest.raises(FileNotFoundError, match='create it'):
        write(tmp_path / 'nowhere' / 'out', random_pixels(np.uint8))
    with pytest.raises(PermissionError, match='choose another path'):
        write(tmp_path, random_pixels(np.uint8))


@pytest.mark.parametrize('write', [images.write_exr, images.write_png])
def test_a_file_that_cannot_be_written_whole_leaves_the_one_before(tmp_path, write, monkeypatch):
    path = tmp_path / 'out'
    write(path, random_pixels(np.uint8))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'replace', full)
    with pytest.raises(OSError, match='No space left'):
        write(path, random_pixels(np.uint8, (40, 50)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
