# SPDX-License-Identifier: Apache-2.0
import json
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from ddfnet_ros.images import read_exr, read_ldr
from ddfnet_ros.results.saving import save


@contextmanager
def full_disk():
    """No file may grow beyond 2 KB, of this whole process: not a fixture, pytest writes too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_frames_radiance_picture_and_metadata_can_be_read_again(deghosted, tmp_path, dtype):
    given = deghosted(dtype=dtype)
    saved = save(given, tmp_path / 'new' / 'folder', {'model': 'tiny'})
    assert saved == tmp_path / 'new' / 'folder' / '1010000000'
    np.testing.assert_array_equal(read_exr(saved / 'radiance.exr'), given.radiance)
    np.testing.assert_array_equal(read_ldr(saved / 'image.png'), given.image)
    metadata = json.loads((saved / 'metadata.json').read_text())
    assert (metadata['model'], metadata['reference']) == ('tiny', 2)
    assert metadata['frame_id'] == 'camera'
    assert [member['exposure_time'] for member in metadata['frames']] == [0.001, 0.004, 0.016]
    for member, frame in zip(metadata['frames'], given.bracket.frames, strict=True):
        assert member['stamp_ns'] == frame.stamp_ns
        np.testing.assert_array_equal(read_ldr(saved / member['file']), frame.pixels)


def test_a_second_bracket_of_one_stamp_leaves_the_first_alone(deghosted, tmp_path):
    names = [save(deghosted(), tmp_path, {'n': n}).name for n in range(3)]
    assert names == ['1010000000', '1010000000_2', '1010000000_3']
    assert json.loads((tmp_path / names[0] / 'metadata.json').read_text())['n'] == 0


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(deghosted, tmp_path):
    noise = np.random.default_rng(1).random((40, 48, 3), np.float32)
    with (full_disk(),
          pytest.raises(OSError, match=r'radiance\.exr: expected a file that can be written')):
        save(deghosted(radiance=noise), tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_an_error(deghosted, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        save(deghosted(), tmp_path / 'file', {})


def test_cameras_that_save_one_stamp_at_the_same_time_have_a_folder_each(deghosted, tmp_path):
    cameras = [deghosted(radiance=np.full((40, 48, 3), k, np.float32)) for k in range(8)]
    with ThreadPoolExecutor(len(cameras)) as threads:
        saved = list(threads.map(lambda k: save(cameras[k], tmp_path, {'camera': k}), range(8)))
    assert len(set(saved)) == len(cameras)
    for k, folder in enumerate(saved):
        assert json.loads((folder / 'metadata.json').read_text())['camera'] == k
        assert np.unique(read_exr(folder / 'radiance.exr')).tolist() == [k]
    assert set(tmp_path.iterdir()) == set(saved)
