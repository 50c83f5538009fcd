# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.evaluation.baselines.frames import ldr_of
from ddfnet_ros.evaluation.baselines.intensity_mapping import mapped_like


def test_a_still_frame_becomes_its_neighbour(texture, photograph):
    short, middle, _ = ldr_of(photograph([texture] * 3))
    np.testing.assert_allclose(mapped_like(middle, short), short, atol=0.02)


def test_what_is_clipped_becomes_a_value_from_the_middle_of_what_the_other_shows():
    clipped = np.ones((1, 101), np.float32)
    shown = np.linspace(0.2, 0.6, 101, dtype=np.float32)[None]
    np.testing.assert_allclose(mapped_like(clipped, shown), 0.4, atol=0.01)
