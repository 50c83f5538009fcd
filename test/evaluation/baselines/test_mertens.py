# SPDX-License-Identifier: Apache-2.0
"""Mertens 2007: good pixels of all exposures; Ward 2003: bitmaps that no exposure changes."""

import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines.frames import ldr_of
from ddfnet_ros.evaluation.baselines.mertens import (
    aligned,
    aligned_exposure_fusion,
    exposure_fusion,
)


@pytest.fixture
def two_halves(texture):
    """Left ten times too dark for the middle exposure, right thirty times too bright."""
    scene = texture.copy()
    scene[:, :28] *= 0.1
    scene[:, 28:] *= 12
    return scene


def test_detail_of_both_halves_is_kept(two_halves, photograph):
    bracket = photograph([two_halves] * 3)
    fused = exposure_fusion(bracket)
    for half, best in ((np.s_[8:-8, 4:20], 2), (np.s_[8:-8, 36:52], 0)):
        shown = bracket.frames[best].pixels[half]
        assert np.corrcoef(fused[half].ravel(), shown.ravel())[0, 1] > 0.9
        assert np.ptp(fused[half]) > 0.5 * np.ptp(shown)


@pytest.mark.parametrize(('dy', 'dx'), [(3, -2), (-4, 5)])
def test_shifts_between_exposures_are_found(texture, photograph, dy, dx):
    texture = np.tile(texture, (2, 2, 1))
    bracket = photograph([np.roll(texture, (dy, dx), (0, 1)), texture, texture])
    ldr = ldr_of(bracket)
    still = ldr_of(photograph([texture] * 3))
    inside = np.s_[:, 8:-8, 8:-8]
    np.testing.assert_allclose(aligned(ldr, 1)[inside], still[inside], atol=1e-6)


def test_alignment_sharpens_what_shake_blurred(texture, photograph):
    texture = np.tile(texture, (2, 2, 1))
    shaken = photograph([np.roll(texture, (4, -4), (0, 1)), texture, texture])
    still = exposure_fusion(photograph([texture] * 3))
    def error(fuse):
        return np.abs(fuse(shaken) - still)[8:-8, 8:-8].mean()
    assert error(aligned_exposure_fusion) < 0.3 * error(exposure_fusion)
