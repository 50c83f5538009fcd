# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ddfnet_ros.runtime.exposure_ratios import estimate_exposures
from ddfnet_ros.settings import RadianceSettings


def scene(seed=1, height=120, width=160):
    """Radiance over three decades with some texture."""
    rng = np.random.default_rng(seed)
    coarse = np.exp(rng.uniform(np.log(0.003), np.log(1.0), (8, 10, 3)))
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def take(radiance, exposure, gamma=2.2, noise=0.01):
    """An 8-bit frame."""
    noisy = radiance * exposure * (1 + noise * np.random.default_rng(0).normal(
        size=radiance.shape))
    return np.round(np.clip(noisy, 0, 1) ** (1 / gamma) * 255).astype(np.uint8)


@pytest.mark.parametrize('ratios', [(4, 16), (1.5, 2.25), (8, 64)])
def test_ratios_of_a_still_scene_are_found(ratios):
    frames = [take(scene(), exposure) for exposure in (1, *ratios)]
    exposures, found = estimate_exposures(frames, RadianceSettings())
    assert exposures == pytest.approx([1, *ratios], rel=0.03)
    assert all(ratio.sure for ratio in found)


def test_exposures_come_in_the_order_of_the_files():
    frames = [take(scene(), exposure) for exposure in (4, 1, 16)]
    exposures, _ = estimate_exposures(frames, RadianceSettings())
    assert exposures == pytest.approx([4, 1, 16], rel=0.03)


def test_moving_pixels_do_not_pull_the_ratio():
    still, other = scene(), scene(seed=2)
    moved = still.copy()
    moved[30:90, 40:110] = other[30:90, 40:110]  # a fifth of the picture
    frames = [take(still, 1), take(moved, 4)]
    exposures, (ratio,) = estimate_exposures(frames, RadianceSettings())
    assert exposures[1] == pytest.approx(4, rel=0.03)
    assert ratio.share < 0.85


def test_even_many_moving_pixels_are_sorted_out():
    still = scene()
    moved = still.copy()
    moved[:, :70] *= 2  # 44 % of the picture, all of it brighter
    frames = [take(still, 1), take(moved, 4)]
    exposures, _ = estimate_exposures(frames, RadianceSettings())
    assert exposures[1] == pytest.approx(4, rel=0.004)


def test_a_wrong_response_makes_it_less_sure():
    frames = [take(scene(), exposure, gamma=1.0) for exposure in (1, 4)]
    _, (right,) = estimate_exposures(frames, RadianceSettings(response='linear'))
    _, (wrong,) = estimate_exposures(frames, RadianceSettings(response='srgb'))
    assert right.value == pytest.approx(4, rel=0.03)
    assert wrong.value > 6
    assert right.spread < wrong.spread


def test_scenes_without_agreement_are_not_sure():
    frames = [take(scene(1), 1), take(scene(2), 4)]
    _, (ratio,) = estimate_exposures(frames, RadianceSettings())
    assert not ratio.sure
    assert 'not sure' in str(ratio)


@pytest.mark.parametrize('shape', [(1, 700), (700, 1), (1, 4000)])
def test_a_row_or_a_column_tells_ratios_too(shape):
    radiance = np.random.default_rng(3).uniform(0.01, 0.1, (*shape, 3))
    exposures, _ = estimate_exposures([take(radiance, t) for t in (1.0, 4.0)], RadianceSettings())
    assert exposures[1] / exposures[0] == pytest.approx(4, rel=0.1)


def test_clipped_everywhere_is_refused():
    frames = [take(scene(), 0.001), take(scene(), 1000)]
    with pytest.raises(ValueError, match='give the exposure times'):
        estimate_exposures(frames, RadianceSettings())


def test_equal_exposures_are_refused():
    with pytest.raises(ValueError, match='different exposures'):
        estimate_exposures([take(scene(), 1), take(scene(), 1)], RadianceSettings())


@pytest.mark.parametrize('dtype', [np.uint16, np.float32])
def test_deep_and_grey_frames_are_understood(dtype):
    frames = []
    for exposure in (1, 4):
        values = np.clip(scene()[..., 0] * exposure, 0, 1) ** (1 / 2.2)
        frames.append((values * (65535 if dtype == np.uint16 else 1)).astype(dtype))
    exposures, _ = estimate_exposures(frames, RadianceSettings())
    assert exposures == pytest.approx([1, 4], rel=0.03)
