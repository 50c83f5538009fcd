# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines import BASELINES, PEERS
from ddfnet_ros.evaluation.scenes import Scene
from ddfnet_ros.evaluation.sheets import sheet


def scene():
    truth = np.random.default_rng(1).uniform(0.01, 0.05, (64, 64, 3)).astype(np.float32)
    moving = np.zeros((64, 64), bool)
    moving[40:56, 8:24] = True
    frames = [Frame(pixels=(truth * t) ** np.float32(1 / 2.2), exposure_time=t)
              for t in (1.0, 4.0, 16.0)]
    return Scene(bracket=Bracket.of(frames), truth=truth, moving=moving)


def test_a_column_per_picture_and_a_zoom_of_what_moves():
    fusers = {**BASELINES, 'mertens': PEERS['mertens']}
    drawn = sheet(scene(), fusers)
    assert drawn.shape == (14 + 2 * 64, 64 * (3 + 1 + len(fusers)), 3)
    first = drawn[14:, :64]
    np.testing.assert_array_equal(first[64::4, ::4], first[40:56, 8:24])


def test_radiance_is_shown_as_the_truth_is():
    drawn = sheet(scene(), {'reference': PEERS['reference']})[14:]
    truth, reference = drawn[:, 3 * 64:4 * 64].astype(int), drawn[:, 4 * 64:].astype(int)
    assert np.abs(truth - reference).max() <= 1
