# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime import export


def engine(error):
    """Stands in for onnxruntime: gives the reference's radiance with an error."""
    return SimpleNamespace(InferenceSession=lambda *_, **__: SimpleNamespace(
        run=lambda _, given: [given['stack'][:, 0, 3:] + np.float32(error)]))


class ReferenceOnly(torch.nn.Module):
    def forward(self, stack, flow):
        return stack[:, 0, 3:]


def test_a_file_that_computes_something_else_is_refused(tmp_path):
    path = tmp_path / 'model.onnx'
    difference = export._largest_difference(engine(5e-4), ReferenceOnly(), path, 3)
    assert difference == pytest.approx(5e-4, rel=0.01)
    for error in (2e-3, np.nan):
        with pytest.raises(ValueError, match=r'within 0\.001 of torch'):
            export._largest_difference(engine(error), ReferenceOnly(), path, 3)


def test_what_is_there_stays_where_the_new_file_is_no_good(tmp_path, monkeypatch):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    pytest.importorskip('onnxruntime')

    def no_good(*_):
        raise ValueError('expected another result')

    graph = onnx.helper.make_graph([], 'nothing', [], [])
    monkeypatch.setattr(export, 'onnx_of', lambda *_: onnx.helper.make_model(graph))
    monkeypatch.setattr(export, '_largest_difference', no_good)
    path = tmp_path / 'model.onnx'
    path.write_bytes(b'old')
    with pytest.raises(ValueError, match='another result'):
        export.export(ReferenceOnly(), path, 3, 1, {})
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_arithmetic_is_counted_per_pixel_of_a_frame():
    layer = torch.nn.Conv2d(6, 10, 3, padding=1)

    class PerFrame(torch.nn.Module):
        def forward(self, stack, flow):
            return layer(stack.flatten(0, 1))

    assert export.kmac_per_pixel(PerFrame()) == pytest.approx(3 * 6 * 10 * 9 / 1e3, abs=0.05)


def test_the_small_network_stays_within_the_budget_of_a_jetson():
    assert export.kmac_per_pixel(FastFusion(FastConfig())) <= 135
