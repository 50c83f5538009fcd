# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines import BASELINES
from ddfnet_ros.evaluation.datasets import fang, kalantari
from ddfnet_ros.evaluation.evaluate import compare


@pytest.fixture
def radiance():
    coarse = np.random.default_rng(1).uniform(0.002, 0.2, (8, 10, 3))
    return np.clip(cv2.resize(coarse, (100, 80), interpolation=cv2.INTER_CUBIC), 0.002, 1)


def exposed(radiance, ratio):
    return np.round(np.clip(radiance * ratio, 0, 1) ** (1 / 2.2) * 65535).astype(np.uint16)


@pytest.fixture
def kalantari_root(radiance, tmp_path):
    """One scene in which a block moved before the last frame."""
    folder = tmp_path / '001'
    folder.mkdir()
    moved = radiance.copy()
    moved[30:50, 30:50] = 0.01
    for name, frame in (('a.tif', exposed(radiance, 1)), ('b.tif', exposed(radiance, 4)),
                        ('c.tif', exposed(moved, 16))):
        cv2.imwrite(str(folder / name), frame[..., ::-1])
    (folder / 'exposure.txt').write_text('-2\n0\n2\n')
    cv2.imwrite(str(folder / 'HDRImg.hdr'), radiance[..., ::-1].astype(np.float32))
    return tmp_path


def test_kalantari_scenes_come_cropped_and_with_what_moved(kalantari_root, radiance):
    (name, scene), = kalantari(kalantari_root)
    assert name == '001'
    assert scene.truth.shape == (72, 90, 3)
    np.testing.assert_allclose(scene.truth, radiance[4:-4, 5:-5], atol=2e-3)
    assert scene.bracket.exposures == (1, 4, 16)
    assert scene.moving[28:44, 27:43].mean() > 0.5
    assert scene.moving[:20].mean() < 0.05


def test_the_reference_of_a_kalantari_scene_is_on_the_scale_of_its_truth(kalantari_root):
    scenes = [scene for _, scene in kalantari(kalantari_root)]
    found = compare(BASELINES, scenes)['reference']
    assert found['psnr_mu_bright'].mean > 45


def test_sequences_without_exposure_times_are_sorted_and_estimated(radiance, tmp_path):
    folder = tmp_path / 'Horse'
    folder.mkdir()
    for name, ratio in (('1.png', 16), ('2.png', 1), ('3.png', 4)):
        picture = (exposed(radiance, ratio) // 257).astype(np.uint8)
        cv2.imwrite(str(folder / name), picture[..., ::-1])
    (name, bracket), = fang(tmp_path)
    assert name == 'Horse'
    assert np.array(bracket.exposures) / bracket.exposures[0] == pytest.approx([1, 4, 16], rel=0.1)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match='expected folders with pictures'):
        next(fang(tmp_path))


def test_a_lone_picture_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'one.png'), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match='expected at least 2 exposures'):
        next(fang(tmp_path))
