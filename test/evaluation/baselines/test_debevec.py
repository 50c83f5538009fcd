# SPDX-License-Identifier: Apache-2.0
"""Debevec and Malik 1997: all exposures that show a pixel take part, the best exposed most."""

import numpy as np

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines.debevec import debevec_merge, well_exposed


def test_weighted_mean_by_hand():
    bracket = Bracket.of([
        Frame(pixels=np.full((1, 1, 3), ldr, np.float32), exposure_time=t)
        for ldr, t in ((0.25, 1.0), (0.6, 4.0))])
    weights, logs = np.array([0.5, 0.8]), np.log([0.25**2.2, 0.6**2.2 / 4])
    np.testing.assert_allclose(
        debevec_merge(bracket), np.exp((weights * logs).sum() / weights.sum()), rtol=1e-4)


def test_more_exposures_average_the_noise_away(photograph):
    rng = np.random.default_rng(1)
    truth = np.full((64, 64, 3), 0.02)
    times = (1.0, 1.5, 2.0, 2.5, 3.0)
    spread = []
    for count in (2, 5):
        clean = photograph([truth] * count, times[:count])
        noisy = Bracket.of(
            Frame(pixels=np.clip(f.pixels + 0.02 * rng.standard_normal(f.pixels.shape), 0, 1)
                  .astype(np.float32), exposure_time=f.exposure) for f in clean.frames)
        spread.append(np.log(debevec_merge(noisy)).std())
    assert spread[1] < 0.75 * spread[0]


def test_saturated_and_black_values_do_not_count():
    ldr = np.array([0.5, 1.0, 0.0], np.float32).reshape(3, 1, 1, 1).repeat(3, -1)
    assert well_exposed(ldr)[:, 0, 0, 0].tolist() == [1, 0, 0]


def test_white_everywhere_is_taken_from_the_shortest_and_black_from_the_longest():
    ldr = np.stack([np.full((1, 2, 3), 1.0), np.full((1, 2, 3), 1.0)]).astype(np.float32)
    ldr[:, :, 0] = 0
    weights = well_exposed(ldr)[..., 0]
    assert weights[:, 0, 0].tolist() == [0, 1]
    assert weights[:, 0, 1].tolist() == [1, 0]
