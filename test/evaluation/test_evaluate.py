# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines import PEERS
from ddfnet_ros.evaluation.baselines.fuser import IMAGE, Fuser
from ddfnet_ros.evaluation.conditions import misreported
from ddfnet_ros.evaluation.evaluate import (
    Statistic,
    compare,
    compare_without_truth,
    still_bracket,
)
from ddfnet_ros.evaluation.scenes import Scene


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
    return Fuser(fuse)


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
    assert found.quartiles == (1, 2, 3, 4, 5)


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
        assert compare({'exact': Fuser(exact)}, [judged])['exact']['psnr_l'].mean > 90


def textured(moving=False):
    """A bracket of texture, without clipping; where it moves the long frame shows another."""
    rng = np.random.default_rng(1)
    truth, other = rng.uniform(0.02, 0.2, (2, 48, 48, 3)).astype(np.float32)
    seen = [truth, truth, other if moving else truth]
    frames = [Frame(pixels=np.clip(r * t, 0, 1) ** np.float32(1 / 2.2), exposure_time=t)
              for r, t in zip(seen, (1.0, 2.0, 4.0), strict=True)]
    return Scene(bracket=Bracket.of(frames), truth=truth, moving=np.full((48, 48), moving))


def test_a_picture_without_radiance_is_compared_with_its_own_of_the_still_scene():
    average = Fuser(lambda bracket: np.mean([f.pixels for f in bracket.frames], axis=0), IMAGE)
    found = compare({'average': average}, [textured(moving=True)])['average']
    assert 'psnr_mu' not in found
    moved = textured(moving=True).bracket.frames[2].pixels
    still = textured().bracket.frames[2].pixels
    assert found['ghost_image'].mean == pytest.approx(np.abs(moved - still).mean() / 3, rel=1e-3)
    assert 'ghost_image' not in compare({'average': average}, [textured()])['average']


def test_still_bracket_is_what_the_frames_would_be():
    for taken, still in zip(textured().bracket.frames, still_bracket(textured()).frames,
                            strict=True):
        np.testing.assert_allclose(still.pixels, taken.pixels, atol=1e-6)
        assert still.exposure == taken.exposure


def test_still_bracket_does_not_believe_wrong_exposures():
    told = misreported(textured(), 1.2)
    for taken, still in zip(told.bracket.frames, still_bracket(told).frames, strict=True):
        np.testing.assert_allclose(still.pixels, taken.pixels, atol=1e-6)


def test_brackets_without_truth_are_judged_by_their_own_frames():
    bracket = textured().bracket
    found = compare_without_truth({name: PEERS[name] for name in ('mertens', 'reference')},
                                  [bracket, bracket])
    assert set(found['mertens']) == set(found['reference']) == {'mef_ssim', 'mef_ssim_moving'}
    assert found['mertens']['mef_ssim'].count == 2


def test_further_metrics_see_radiance_and_truth_on_one_scale():
    seen = []
    extra = {'own': lambda radiance, truth: seen.append((radiance, truth)) or 7.0}
    found = compare({'exact': PEERS['reference']}, [textured()], extra)
    assert found['exact']['own'].mean == 7
    np.testing.assert_allclose(seen[0][0], seen[0][1], rtol=1e-3)
