# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from ddfnet_ros import images

from .conftest import random_pixels


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


@pytest.mark.parametrize('write', [images.write_exr, images.write_png])
def test_a_link_stays_and_any_name_that_the_disk_takes_may_be_written(tmp_path, write):
    (tmp_path / 'far').mkdir()
    link = tmp_path / 'link'
    for name in ('x' * 255, os.fsdecode(b'caf\xe9')):
        link.symlink_to(f'far/{name}')
        write(link, random_pixels(np.uint8))
        assert link.is_symlink()
        assert [path.name for path in (tmp_path / 'far').iterdir()] == [name]
        link.unlink()
        (tmp_path / 'far' / name).unlink()


def test_a_link_into_no_folder_names_the_remedy(tmp_path):
    (tmp_path / 'link').symlink_to('nowhere/file')
    with pytest.raises(FileNotFoundError, match='create it'):
        images.write_png(tmp_path / 'link', random_pixels(np.uint8))
