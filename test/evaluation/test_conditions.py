# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines import BASELINES
from ddfnet_ros.evaluation.conditions import NIGHT, Condition
from ddfnet_ros.evaluation.evaluate import compare


def drawn(source, **changes):
    return next(Condition(**changes).draw(source, 1, 5))


def test_equal_seeds_give_equal_scenes(source):
    first, again, other = (
        next(Condition(sensor=None).draw(source, 1, seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.truth, again.truth)
    assert not np.array_equal(first.truth, other.truth)


@pytest.mark.parametrize('noise', [{'sigma': 0.03}, {'sensor': NIGHT}])
def test_a_scene_taken_twice_differs_in_its_noise_alone(source, noise):
    once, twice = (drawn(source, twice=twice, **noise) for twice in (False, True))
    assert once.again is None
    assert np.array_equal(once.bracket.frames[1].pixels, twice.bracket.frames[1].pixels)
    difference = twice.again.frames[1].pixels - twice.bracket.frames[1].pixels
    assert 0.01 < difference.std() < 0.1
    assert abs(difference.mean()) < 0.01
    assert compare(BASELINES, [twice])['reference']['flicker'].mean > 0.005


def test_gaussian_noise_has_the_strength_that_was_asked_for(source):
    quiet, noisy = (drawn(source, sigma=sigma) for sigma in (0.0, 0.03))
    before, after = (scene.bracket.frames[1].pixels for scene in (quiet, noisy))
    middle = (before > 0.2) & (before < 0.8)
    assert (after - before)[middle].std() == pytest.approx(0.03, rel=0.1)
    assert np.array_equal(noisy.truth, quiet.truth)


def test_noise_is_that_of_8_bit_frames(source):
    pixels = drawn(source, sigma=0.03).bracket.frames[0].pixels
    np.testing.assert_allclose(pixels * 255, np.round(pixels * 255), atol=1e-3)


def test_night_is_noisier_where_it_is_brighter(source):
    quiet, night = (drawn(source, sensor=sensor) for sensor in (Condition().sensor, NIGHT))
    before, after = (scene.bracket.frames[2].pixels ** 2.2 for scene in (quiet, night))
    low, high = np.quantile(before[before < 0.7], (0.3, 0.7))
    noise = after - before
    assert noise[(before > high) & (before < 0.7)].std() > 1.05 * noise[before < low].std()


def test_misreported_exposures_change_neither_pixels_nor_truth(source):
    true, told = (drawn(source, misreported=factor) for factor in (1.0, 1.2))
    ratios = np.array(told.bracket.exposures) / np.array(true.bracket.exposures)
    assert ratios == pytest.approx([1.2, 1.0, 1.2])
    assert np.array_equal(told.truth, true.truth)
    assert told.unit == true.unit
    assert np.array_equal(told.bracket.frames[0].pixels, true.bracket.frames[0].pixels)


@pytest.mark.parametrize('response', [1.8, 2.6])
def test_under_a_wrong_response_the_reference_is_right_but_for_what_it_clips(source, response):
    scene = drawn(source, response=response)
    found = compare(BASELINES, [scene])['reference']
    assert found['psnr_mu_bright'].mean > 45
    true = drawn(source)
    darker = scene.bracket.frames[1].pixels.mean() < true.bracket.frames[1].pixels.mean()
    assert darker == (response < 2.2)


def test_the_reference_alone_does_not_care_about_other_frames_exposures(source):
    still = {'layers': 0, 'shake': 0.0}
    found = [compare(BASELINES, [drawn(source, scenes=still, misreported=factor)])
             for factor in (1.0, 0.8)]
    alone, merged = ([f[name]['psnr_mu'].mean for f in found]
                     for name in ('reference', 'static_merge'))
    assert alone[0] == pytest.approx(alone[1])
    assert merged[1] < merged[0] - 0.5


@pytest.mark.parametrize(('changes', 'exposures'), [
    ({'ratios': (16.0, 16.0)}, (1, 16, 256)),
    ({'frames': 5, 'ratios': (2.0, 2.0)}, (1, 2, 4, 8, 16))])
def test_exposures_are_those_asked_for(source, changes, exposures):
    assert drawn(source, scenes=changes).bracket.exposures == pytest.approx(exposures)
