# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.evaluation.sequence import flicker


def shown(level):
    """Linear radiance whose value after the mu-law is `level`."""
    return np.full((4, 4, 3), np.expm1(level * np.log(5001)) / 5000)


def test_steady_pictures_do_not_flicker():
    assert flicker([shown(0.4)] * 3, [shown(0.5)] * 3) == 0


def test_flicker_is_the_mean_change():
    levels = [0.4, 0.5, 0.4]
    assert flicker([shown(x) for x in levels], [shown(0.4)] * 3) == pytest.approx(0.1)


def test_a_change_of_the_scene_is_none_of_the_picture():
    levels = [0.4, 0.5, 0.4]
    pictures = [shown(x) for x in levels]
    assert flicker(pictures, pictures) == 0


@pytest.mark.parametrize(('pictures', 'truths'), [(1, 1), (3, 2)])
def test_one_picture_or_a_missing_truth_is_refused(pictures, truths):
    with pytest.raises(ValueError, match='expected at least 2 pictures and as many truths'):
        flicker([shown(0.4)] * pictures, [shown(0.4)] * truths)
