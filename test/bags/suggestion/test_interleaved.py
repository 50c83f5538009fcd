# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.bags.suggestion.interleaved import cycle_of


def test_random_brightness_does_not_repeat():
    rng = np.random.default_rng(1)
    assert cycle_of(rng.uniform(0.01, 1, 90)) == 0
    assert cycle_of(np.full(90, 0.5)) == 0
    assert cycle_of(np.tile([0.01, 0.1, 0.4], 30) * rng.uniform(0.95, 1.05, 90)) == 3
    assert cycle_of(np.array([0.1])) == 0
