# SPDX-License-Identifier: Apache-2.0
"""Lee et al. 2014: irradiance of a still scene has rank one; what does not fit is a ghost."""

import numpy as np

from ddfnet_ros.evaluation.baselines.debevec import debevec_merge
from ddfnet_ros.evaluation.baselines.lee14 import ghost_maps, rank_minimised

SHORTEST = 0.01


def test_a_still_scene_has_no_ghosts(texture):
    irradiance = np.stack([texture[..., 1] ** (1 / 2.2)] * 3).astype(np.float32)
    assert not ghost_maps(irradiance, np.ones((3, 48, 56), bool)).any()


def test_what_one_frame_adds_is_found_in_that_frame_only(texture):
    irradiance = np.stack([texture[..., 1] ** (1 / 2.2)] * 3).astype(np.float32)
    irradiance[2, 10:22, 10:22] += 0.4
    ghosts = ghost_maps(irradiance, np.ones((3, 48, 56), bool))
    assert ghosts[2, 11:21, 11:21].all()
    assert not ghosts[:2].any()
    assert not ghosts[2, 30:].any()


def test_unobserved_pixels_are_no_ghosts(texture):
    irradiance = np.stack([texture[..., 1] ** (1 / 2.2)] * 3).astype(np.float32)
    observed = np.ones((3, 48, 56), bool)
    observed[2, :, :20] = False
    irradiance[2, :, :20] = 0  # clipped: its value says nothing
    assert not ghost_maps(irradiance, observed).any()


def test_the_ghost_of_a_plain_merge_is_gone(texture, photograph):
    moved = texture.copy()
    moved[10:22, 10:22] *= 8
    bracket = photograph([texture, texture, np.minimum(moved, 0.06)])
    inside = np.s_[11:21, 11:21]
    def error(fuse):
        return np.abs(fuse(bracket) * SHORTEST / texture - 1)[inside].mean()
    assert error(rank_minimised) < 0.2 * error(debevec_merge)
