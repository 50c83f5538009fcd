# SPDX-License-Identifier: Apache-2.0
"""Golden values are computed window by window after Ma, Zeng and Wang (2015)."""

import numpy as np
import pytest

from ddfnet_ros.evaluation.mef_ssim import (
    mef_ssim,
    mef_ssim_moving,
    moving_windows,
    quality_map,
)


@pytest.fixture
def frames():
    """Three exposures of one texture, the first too dark, the last clipped on the right."""
    rng = np.random.default_rng(1)
    texture = rng.uniform(0.05, 0.3, (48, 56))
    texture[:, 28:] *= 3
    return np.stack([np.clip(texture * t, 0, 1) ** (1 / 2.2) for t in (0.2, 1, 4)]).astype(
        np.float32)


@pytest.fixture
def fused(frames):
    return frames.mean(axis=0)


def golden(patches, y):
    """The index of one window: x_k as rows, and the picture's."""
    centred = patches - patches.mean(-1, keepdims=True)
    norms = np.linalg.norm(centred, axis=-1)
    agreement = np.linalg.norm(centred.sum(0)) / norms.sum()
    p = np.tan(np.pi / 2 * min(agreement, 0.95))
    structure = ((norms**p)[:, None] * centred / norms[:, None]).sum(0) / (norms**p).sum()
    desired = norms.max() * structure / np.linalg.norm(structure)
    covariance = (desired * (y - y.mean())).mean()
    c = 0.03**2
    return (2 * covariance + c) / ((desired**2).mean() + y.var() + c)


@pytest.mark.parametrize(('row', 'column'), [(0, 0), (11, 40), (37, 3)])
def test_a_window_has_the_value_of_the_definition(frames, fused, row, column):
    window = np.s_[row:row + 11, column:column + 11]
    patches = np.stack([frame[window].ravel() for frame in frames]).astype(np.float64)
    found = quality_map(frames, fused)[row, column]
    assert found == pytest.approx(golden(patches, fused[window].ravel().astype(np.float64)),
                                  abs=2e-3)


def test_the_picture_with_all_the_contrast_scores_best(frames):
    best = np.where(np.arange(56) < 28, frames[2], frames[1])
    grey = np.full_like(best, 0.5)
    scores = [quality_map(frames, picture).mean() for picture in (best, frames[0], grey)]
    assert scores[0] > 0.85
    assert scores[0] > scores[1] > scores[2]


def test_one_picture_under_equal_exposures_is_perfect_at_every_scale(fused):
    assert mef_ssim(np.stack([fused] * 3), fused) == pytest.approx(1, abs=1e-3)
    assert mef_ssim(np.stack([fused] * 3), fused[::-1].copy()) < 0.8


def test_motion_is_seen_where_exposures_disagree(frames):
    moved = frames.copy()
    moved[0, 10:30, 5:25] = np.random.default_rng(2).random((20, 20))
    seen = moving_windows(moved, 1)
    assert not moving_windows(frames, 1).any()
    assert seen[12:18, 8:12].all()
    assert not seen[:, 30:].any()


def test_a_ghost_costs_and_either_position_alone_does_not(frames):
    rng = np.random.default_rng(3)
    here, there = rng.uniform(0.2, 0.8, (2, 48, 56)).astype(np.float32)
    moved = np.stack([here, here, there])
    ghost, clean = mef_ssim_moving(moved, (here + there) / 2), mef_ssim_moving(moved, here)
    other = mef_ssim_moving(moved, there)
    assert min(clean, other) > 0.9
    assert ghost < min(clean, other) - 0.05


def test_small_pictures_are_refused(frames, fused):
    with pytest.raises(ValueError, match='expected at least 44 pixels'):
        mef_ssim(frames[:, :40], fused[:40])
