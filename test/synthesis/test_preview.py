# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.synthesis.preview import random_sheet
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource


def test_sheet_shows_two_scenes_abreast_frames_by_exposure_and_truth(panoramas):
    settings = SceneSettings(size=48, layers=0, shake=0.0, frames=4)
    sheet = random_sheet(SceneSource(panoramas, settings), 3, seed=1)
    assert sheet.shape == (2 * 48, 2 * 5 * 48, 3)
    means = sheet[:48, :5 * 48].reshape(48, 5, 48, 3).mean(axis=(0, 2, 3))
    assert (np.diff(means[:4]) > 0).all()


def test_equal_seeds_give_equal_sheets(panoramas):
    source = SceneSource(panoramas, SceneSettings(size=48))
    first, again, other = (random_sheet(source, 2, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
