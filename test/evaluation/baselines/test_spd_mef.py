# SPDX-License-Identifier: Apache-2.0
"""Ma et al. 2017: contrast, structure and mean are fused apart; structure tells what moved."""

import numpy as np

from ddfnet_ros.evaluation.baselines.spd_mef import (
    consistent,
    fuse_patches,
    structural_patches,
)


def patch_of(contrast, mean, seed=1):
    structure = np.random.default_rng(seed).standard_normal((1, 27))
    structure -= structure.mean()
    return mean + contrast * structure / np.linalg.norm(structure)


def test_fused_patch_has_the_highest_contrast_and_the_shared_structure():
    frames = np.stack([patch_of(0.1, 0.2), patch_of(0.5, 0.5), patch_of(0.2, 0.8)])
    fused = fuse_patches(frames.astype(np.float32), np.float32([0.2, 0.5, 0.8]))[0]
    centred = fused - fused.mean()
    np.testing.assert_allclose(np.linalg.norm(centred), 0.5, rtol=1e-4)
    np.testing.assert_allclose(centred, patch_of(0.5, 0.0)[0], atol=1e-5)
    assert 0.45 < fused.mean() < 0.55  # exposedness pulls the mean to mid-grey


def test_strong_patches_dominate_the_structure():
    strong, weak = patch_of(0.5, 0.5), patch_of(0.2, 0.5, seed=2)
    fused = fuse_patches(np.stack([strong, weak]).astype(np.float32), np.float32([0.5, 0.5]))[0]
    agreement = [np.corrcoef(fused, patch[0])[0, 1] for patch in (strong, weak)]
    assert agreement[0] > 0.99
    assert agreement[1] < 0.5


def test_structure_ignores_exposure_but_not_motion():
    other = patch_of(0.5, 0.3, seed=2)
    frames = np.stack([patch_of(0.1, 0.2), patch_of(0.5, 0.5), other]).astype(np.float32)
    latent = frames.copy()
    assert consistent(frames, latent, reference=1)[:, 0].tolist() == [True, True, False]


def test_another_mean_than_the_mapped_reference_is_rejected_too():
    frames = np.stack([patch_of(0.5, 0.2), patch_of(0.5, 0.5)]).astype(np.float32)
    latent = frames + np.float32([[[0.2]], [[0.0]]])
    assert consistent(frames, latent, reference=1)[:, 0].tolist() == [False, True]


def test_what_moved_appears_where_the_reference_has_it_and_nowhere_else(texture, photograph):
    block = np.random.default_rng(5).uniform(0.01, 0.06, (14, 14, 3))
    scenes = []
    for x in (4, 24, 38):
        scene = texture.copy()
        scene[16:30, x:x + 14] = block
        scenes.append(scene)
    moved = structural_patches(photograph(scenes))
    still = structural_patches(photograph([scenes[1]] * 3))
    naive = np.abs(structural_patches(photograph([scenes[0]] * 3)) - still)[16:30, 4:18].mean()
    assert np.abs(moved - still)[16:30, 4:18].mean() < 0.35 * naive
    assert np.abs(moved - still)[16:30, 24:38].mean() < 0.05
