# SPDX-License-Identifier: Apache-2.0
import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ddfnet_ros.evaluation import colorvideovdp
from ddfnet_ros.evaluation.colorvideovdp import ColorVideoVDP, missing


def test_one_line_says_what_is_missing_and_how_to_get_it(monkeypatch):
    monkeypatch.setattr(colorvideovdp, '_NEEDED', ('pycvvdp_not_there', 'numpy'))
    with pytest.raises(ValueError, match=r'got no pycvvdp_not_there; pip install cvvdp$'):
        ColorVideoVDP()


def test_pictures_are_shown_in_absolute_units(monkeypatch):
    seen = {}
    def metric(**options):
        seen.update(options)
        return SimpleNamespace(predict=lambda *shown, dim_order: (
            seen.update(shown=shown, order=dim_order) or (9.5, None)))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setitem(sys.modules, 'pycvvdp', SimpleNamespace(cvvdp=metric))
    truth = np.full((4, 4, 3), 0.5)
    assert ColorVideoVDP()(2 * truth + 1, truth) == 9.5
    assert seen['display_name'] == 'standard_hdr_linear'
    assert [float(picture.max()) for picture in seen['shown']] == [1500, 750]
    assert seen['order'] == 'HWC'


def test_a_picture_is_nearer_to_itself_than_to_another():
    try:
        metric = ColorVideoVDP()
    except ValueError as error:
        pytest.skip(str(error))
    y, x = np.mgrid[0:128, 0:128] / 128
    truth = np.stack([x, y, x * y], -1)
    ghost = truth.copy()
    ghost[30:60, 30:60] *= 0.5
    assert metric(truth, truth) == pytest.approx(10, abs=0.01)
    assert metric(ghost, truth) < 9.9
    assert missing() == ''
