# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.evaluation.detection.places import place_from
from ddfnet_ros.synthesis.panorama import Panorama


@pytest.fixture(scope='session')
def place():
    """Blots above a dark ground, with a sun."""
    blots = np.exp2(np.random.default_rng(0).uniform(-3, 2, (64, 128, 3)))
    blots[20, 30] = 5e4
    return place_from(Panorama(name='blots', radiance=blots.astype(np.float32)))
