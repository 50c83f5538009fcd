# SPDX-License-Identifier: Apache-2.0
"""Sen et al. 2012: the reference where it is well exposed, elsewhere patches of the others."""

import numpy as np
import pytest

from ddfnet_ros.evaluation.baselines import BASELINES, PEERS

SHORTEST = 0.01


@pytest.fixture
def with_window(texture):
    """A bright window that the middle exposure clips, with texture that the short one shows."""
    scene = texture.copy()
    scene[14:34, 20:40] = texture[14:34, 20:40] * 15
    return scene


def test_well_exposed_pixels_are_the_reference(with_window, photograph):
    rng = np.random.default_rng(1)
    bracket = photograph([rng.uniform(0, 0.2, with_window.shape), with_window, with_window])
    fused = PEERS['sen12'](bracket) * SHORTEST
    ldr = bracket.reference.pixels
    good = ((ldr > 0.1) & (ldr < 0.9)).all(-1)
    assert good.mean() > 0.3
    np.testing.assert_allclose(fused[good], with_window[good], rtol=1e-3)


def test_clipped_texture_comes_from_the_short_frame_although_it_moved(with_window, photograph):
    moved = np.roll(with_window, (2, 3), (0, 1))
    bracket = photograph([moved, with_window, with_window])
    clipped = (bracket.reference.pixels >= 0.98).any(-1)
    assert clipped.mean() > 0.05
    def error(name):
        return np.abs(PEERS[name](bracket) * SHORTEST - with_window)[clipped].mean()
    assert error('sen12') < 0.6 * error('reference')


def test_static_merge_has_the_ghost_that_it_avoids(texture, photograph):
    moved = np.roll(texture, 6, 1)
    bracket = photograph([moved, texture, moved])
    def error(fuse):
        return np.abs(fuse(bracket) * SHORTEST / texture - 1).mean()
    assert error(PEERS['sen12']) < 0.5 * error(BASELINES['static_merge'])
