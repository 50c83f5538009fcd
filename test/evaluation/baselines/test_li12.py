# SPDX-License-Identifier: Apache-2.0
"""Li and Kang 2012: the median tells what moved, the recursive filter keeps weights at edges."""

import numpy as np

from ddfnet_ros.evaluation.baselines.frames import ldr_of
from ddfnet_ros.evaluation.baselines.li12 import median_recursive, recursive_filter, similarity


def test_a_thing_that_only_one_frame_shows_is_unlike_the_median(texture, photograph):
    moved = texture.copy()
    moved[10:20, 10:20] = 0.06
    alike = similarity(ldr_of(photograph([texture, texture, moved])))
    assert alike[2, 12:18, 12:18].max() < 0.5
    assert alike[:2, 12:18, 12:18].min() > 0.5
    assert alike[:, 25:, 25:].mean() > 0.8


def test_it_leaves_hardly_a_trace_in_the_picture(texture, photograph):
    moved = texture.copy()  # of more contrast than all that is still
    moved[10:20, 10:20] = np.random.default_rng(1).uniform(0.005, 0.04, (10, 10, 1))
    bracket = photograph([texture, texture, moved])
    fused = median_recursive(bracket)[12:18, 12:18]
    with_it, without = (bracket.frames[k].pixels[12:18, 12:18] for k in (2, 1))
    assert np.abs(fused - without).mean() < 0.1 * np.abs(fused - with_it).mean()


def test_recursive_filter_smooths_but_not_across_edges():
    rng = np.random.default_rng(1)
    guide = np.zeros((32, 32, 3), np.float32)
    guide[:, 16:] = 1
    picture = (guide[..., 0] + 0.2 * rng.standard_normal((32, 32))).astype(np.float32)
    smooth = recursive_filter(picture, guide)
    assert smooth[:, :16].std() < 0.05
    assert smooth[:, 16:].std() < 0.05
    assert smooth[:, 16].mean() - smooth[:, 15].mean() > 0.9


def test_recursive_filter_keeps_a_constant():
    rng = np.random.default_rng(2)
    guide = rng.random((9, 13, 3)).astype(np.float32)
    np.testing.assert_allclose(
        recursive_filter(np.full((9, 13), 0.7, np.float32), guide), 0.7, rtol=1e-5)
