# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.image_headers import UNKNOWN, claimed_pixels

PICTURE = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tiff', '.hdr', '.pgm', '.ppm'])
def test_what_opencv_writes_is_as_large_as_it_says(suffix):
    pixels = PICTURE[..., 0] if suffix == '.pgm' else PICTURE
    pixels = np.float32(pixels) if suffix == '.hdr' else pixels
    data = cv2.imencode(suffix, pixels)[1].tobytes()
    assert claimed_pixels(data) == 600


def test_what_follows_the_end_of_a_png_is_not_looked_at():
    data = cv2.imencode('.png', PICTURE)[1].tobytes()
    assert claimed_pixels(data + b'\xff' * 100) == 600
    assert claimed_pixels(data[:-12] + b'\xff' * 100) >= UNKNOWN


def test_other_kinds_are_not_known():
    assert claimed_pixels(cv2.imencode('.bmp', PICTURE)[1].tobytes()) is None
