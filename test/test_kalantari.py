# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import cv2
import numpy as np
import pytest

from ddfnet_ros import kalantari
from ddfnet_ros.images import ImageError
from ddfnet_ros.kalantari import SceneError, read_scene, read_scenes

SIZE = (30, 45)


def write_scene(folder: Path) -> Path:
    """A scene as the set has them: exposure values rising by 2 EV, 16 bits, RGBE truth."""
    folder.mkdir(parents=True)
    for i, name in enumerate(['262A2615.tif', '262A2616.tif', '262A2617.tif']):
        rgb = np.full((*SIZE, 3), [(i + 1) * 1000, (i + 1) * 100, 7], np.uint16)
        cv2.imwrite(str(folder / name), rgb[..., ::-1])
    truth = np.full((*SIZE, 3), [0.5, 0.25, 0.125], np.float32)
    cv2.imwrite(str(folder / kalantari.TRUTH), truth[..., ::-1])
    (folder / kalantari.EXPOSURES).write_text('-2.00\r\n0.00\r\n2.00\r\n')
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_scene(tmp_path / 'Training/001')


def refusal(folder: Path) -> str:
    with pytest.raises(SceneError) as error:
        read_scene(folder)
    text = str(error.value)
    assert '\n' not in text
    assert str(folder) in text
    return text


def test_a_scene_comes_with_its_exposures_frames_and_truth(folder):
    scene = read_scene(folder)
    assert scene.name == '001'
    assert scene.exposure == (1.0, 4.0, 16.0)
    assert [frame[0, 0].tolist() for frame in scene.frames] == [
        [1000, 100, 7], [2000, 200, 7], [3000, 300, 7]]
    assert scene.frames[0].dtype == np.uint16
    np.testing.assert_allclose(scene.truth, np.full((*SIZE, 3), [0.5, 0.25, 0.125]), rtol=0.01)


def test_all_scenes_below_a_folder_are_found_in_order(folder, tmp_path):
    write_scene(tmp_path / 'Test/PAPER/BarbequeDay')
    assert [scene.name for scene in read_scenes(tmp_path)] == ['BarbequeDay', '001']
    assert [scene.name for scene in read_scenes(folder)] == ['001']


def test_a_folder_without_scenes_is_named(tmp_path):
    with pytest.raises(SceneError, match=r'got none; give the folder that holds the scenes'):
        read_scenes(tmp_path)


@pytest.mark.parametrize(('text', 'shown'), [
    ('', 'nothing'), ('-2 0', '-2 0'), ('2 0 -2', '2 0 -2'), ('0 0 2', '0 0 2'),
    ('a b c', 'a b c'), ('nan 0 2', 'nan 0 2'),
])
def test_exposures_that_cannot_be_are_shown(folder, text, shown):
    (folder / kalantari.EXPOSURES).write_text(text)
    assert shown in refusal(folder)


def test_a_missing_frame_is_counted(folder):
    (folder / '262A2616.tif').unlink()
    assert 'expected 3 .tif frames, got 2' in refusal(folder)


def test_a_missing_truth_is_named(folder):
    (folder / kalantari.TRUTH).unlink()
    assert 'expected HDRImg.hdr, got none' in refusal(folder)


@pytest.mark.parametrize('shape', [(30, 44, 3), (30, 45)])
def test_a_frame_of_another_size_is_named(folder, shape):
    cv2.imwrite(str(folder / '262A2616.tif'), np.zeros(shape, np.uint16))
    assert '262A2616.tif: expected 45x30 pixels in colour' in refusal(folder)


def test_a_damaged_frame_is_named(folder):
    (folder / '262A2616.tif').write_bytes(b'II*\0' + bytes(20))
    with pytest.raises(ImageError, match='262A2616'):
        read_scene(folder)
