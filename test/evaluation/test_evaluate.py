# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.evaluate import (
    Evaluation,
    Scene,
    Statistic,
    compare,
    scene_of,
)
from ddfnet_ros.synthesis.scenes import Scenes


def flat_scene(level, moving=False):
    """A grey bracket of exposures 1 and 4 whose truth is `level`."""
    truth = np.full((16, 16, 3), level, np.float32)
    frames = [
        Frame(pixels=np.clip(truth * t, 0, 1) ** np.float32(1 / 2.2), exposure_time=t)
        for t in (1.0, 4.0)
    ]
    return Scene(bracket=Bracket.of(frames, 2), truth=truth, moving=np.full((16, 16), moving))


def off_by(step):
    """A fuser that is wrong by `step` after the mu-law."""
    def fuse(bracket):
        level = np.float64(bracket.frames[0].pixels) ** 2.2
        compressed = np.log1p(5000 * level) / np.log(5001) + step
        return (np.expm1(compressed * np.log(5001)) / 5000).astype(np.float32)
    return fuse


def test_means_and_spreads_are_over_the_scenes():
    scenes = [flat_scene(0.1), flat_scene(0.2, moving=True), flat_scene(0.05, moving=True)]
    found = compare({'good': off_by(0.001), 'bad': off_by(0.01)}, scenes)
    assert found['good']['psnr_mu'].mean == pytest.approx(60, abs=0.05)
    assert found['bad']['psnr_mu'].mean == pytest.approx(40, abs=0.05)
    assert found['bad']['psnr_mu'].count == 3
    assert found['bad']['psnr_mu_moving'].count == 2
    assert found['bad']['ghost_score'].mean == pytest.approx(0.01, rel=0.01)


def test_statistic_of_known_numbers():
    found = Statistic.of([1.0, 3.0, 5.0])
    assert (found.mean, found.count) == (3.0, 3)
    assert found.spread == pytest.approx((8 / 3) ** 0.5)


def test_radiance_is_judged_relative_to_the_shortest_exposure():
    scene = flat_scene(0.2)
    in_milliseconds = Scene(
        bracket=Bracket.of(
            [Frame(pixels=f.pixels, exposure_time=f.exposure / 1000)
             for f in scene.bracket.frames], 2),
        truth=scene.truth, moving=scene.moving)
    def exact(bracket):
        return bracket.frames[0].pixels ** np.float32(2.2) / np.float32(bracket.exposures[0])
    for judged in (scene, in_milliseconds):
        assert compare({'exact': exact}, [judged])['exact']['psnr_l'].mean > 90


def test_report_is_plain_json():
    evaluation = Evaluation(
        model='fast', device='cpu', precision='float32', panoramas=['a.exr'], seed=1,
        methods=compare({'one': off_by(0.0)}, [flat_scene(0.1)]))
    read = json.loads(evaluation.to_json())
    assert read['methods']['one']['psnr_mu'] == {
        'mean': pytest.approx(100, abs=20), 'spread': 0, 'count': 1}


def test_scene_keeps_the_reference_and_the_order():
    levels = torch.tensor([0.9, 0.2, 0.5])  # reference first, then from short to long
    scenes = Scenes(
        ldr=levels[None, :, None, None, None].expand(1, 3, 3, 8, 8),
        exposure=torch.tensor([[16.0, 1.0, 4.0]]), reference_index=2,
        truth=torch.full((1, 3, 8, 8), 0.1), flow=torch.zeros(1, 2, 2, 8, 8),
        moving=torch.ones(1, 1, 8, 8, dtype=torch.bool),
        clipped=torch.zeros(1, 1, 8, 8, dtype=torch.bool))
    scene = scene_of(scenes)
    assert scene.bracket.exposures == (1.0, 4.0, 16.0)
    assert [f.pixels[0, 0, 0] for f in scene.bracket.reference_first] == pytest.approx(
        levels.tolist())
    assert scene.truth.shape == (8, 8, 3)
    assert scene.moving.all()
