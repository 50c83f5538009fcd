# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.images import write_exr
from ddfnet_ros.synthesis.panorama import Panorama, find_panorama, load_panorama


def _ramp():
    """Brightness is the column in red and the row in green."""
    rows, columns = np.mgrid[:32, :64].astype(np.float32)
    return Panorama(name='ramp', radiance=np.stack([columns, rows, 0 * rows], -1))


def test_middle_of_the_picture_is_straight_ahead_on_the_horizon():
    seen = _ramp().at(np.array(0.0), np.array(0.0))
    np.testing.assert_allclose(seen, [31.5, 15.5, 0], atol=1e-4)


def test_azimuth_grows_to_the_right_and_elevation_upwards():
    seen = _ramp().at(np.array(np.pi / 2), np.array(np.pi / 4))
    np.testing.assert_allclose(seen, [47.5, 7.5, 0], atol=1e-4)


def test_columns_run_around_behind_the_back():
    panorama = Panorama(name='one', radiance=np.zeros((32, 64, 3), np.float32))
    panorama.radiance[:, -1] = 1
    just_past = -np.pi + 0.2 * 2 * np.pi / 64  # 0.3 pixels beyond the middle of the last column
    np.testing.assert_allclose(panorama.at(np.array(just_past), np.array(0.0)), 0.3, atol=0.02)


def test_any_shape_of_directions_is_looked_up():
    azimuth, elevation = np.meshgrid(np.linspace(-3, 3, 9), np.linspace(-1, 1, 5))
    assert _ramp().at(azimuth, elevation).shape == (5, 9, 3)
    assert _ramp().at(np.zeros(0), np.zeros(0)).shape == (0, 3)


def test_sharp_interpolation_never_gives_negative_light():
    panorama = Panorama(name='edge', radiance=np.zeros((32, 64, 3), np.float32))
    panorama.radiance[:, 30:34] = 50
    azimuth = np.linspace(-1, 1, 400)
    assert panorama.at(azimuth, np.zeros(400), cubic=True).min() >= 0


def test_bad_values_of_a_file_become_dark_or_finite(tmp_path):
    radiance = np.full((8, 16, 3), 0.5, np.float32)
    radiance[0, 0], radiance[0, 1], radiance[0, 2] = np.nan, np.inf, -1
    write_exr(tmp_path / 'bad.exr', radiance)
    loaded = load_panorama(tmp_path / 'bad.exr').radiance
    assert loaded[0, 0, 0] == 0
    assert loaded[0, 1, 0] == 6e4
    assert loaded[0, 2, 0] == 0


def test_a_photo_is_refused_with_its_size(tmp_path):
    write_exr(tmp_path / 'photo.exr', np.ones((9, 16, 3), np.float32))
    with pytest.raises(ValueError, match='twice as wide as high, got 16x9'):
        load_panorama(tmp_path / 'photo.exr')


def test_the_preferred_panorama_is_found_or_else_the_first(panorama_folder):
    assert find_panorama(panorama_folder, 'morning').name == 'morning'
    assert find_panorama(panorama_folder, 'noon').name == 'evening'


def test_an_empty_folder_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ValueError, match='leave it out'):
        find_panorama(tmp_path, 'morning')
