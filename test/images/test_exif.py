# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from ddfnet_ros import images

from .conftest import random_pixels, save


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
