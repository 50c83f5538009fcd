# SPDX-License-Identifier: Apache-2.0
import logging

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from ddfnet_ros.runtime.tensorrt import engines
from ddfnet_ros.runtime.tensorrt.engines import Engines

from .networks import engines_of, network


@pytest.mark.timeout(600)  # torch takes a while, once, to learn how to export
@torch.no_grad()
def test_the_graph_computes_in_bfloat16_what_torch_does(graph):
    model = network()
    evaluator = ReferenceEvaluator(onnx.load_from_string(graph))
    generator = torch.Generator().manual_seed(5)
    for height, width in ((16, 24), (40, 32), (8, 16)):
        stack = torch.rand((1, 3, 6, height, width), generator=generator)
        flow = 3 * torch.randn((1, 2, 2, height, width), generator=generator)
        (radiance,) = evaluator.run(None, {'stack': stack.numpy(), 'flow': flow.numpy()})
        with torch.autocast('cpu', torch.bfloat16):
            expected = model(stack, flow, 1).numpy()
        assert radiance.dtype == np.float32
        np.testing.assert_allclose(radiance, expected, atol=1e-5)
        assert abs(model(stack, flow, 1).numpy() - expected).max() > 1e-4


@pytest.mark.timeout(600)
def test_all_convolutions_of_the_graph_are_in_bfloat16(graph):
    shown = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph)).graph
    kinds = {value.name: value.type.tensor_type.elem_type
             for value in (*shown.value_info, *shown.input, *shown.output)}
    convolved = [node.input[0] for node in shown.node if node.op_type == 'Conv']
    assert convolved
    assert {kinds[name] for name in convolved} == {onnx.TensorProto.BFLOAT16}
    assert {kinds[name] for name in ('stack', 'flow', 'radiance')} == {onnx.TensorProto.FLOAT}


def test_a_network_that_cannot_be_exported_is_refused_in_one_line(monkeypatch):
    def unable(*_):
        raise RuntimeError('no such operator\nas this one')

    monkeypatch.setattr(engines, 'onnx_of', unable)
    with pytest.raises(ValueError, match='that torch can export, got: FastFusion, no such '
                                         'operator as this one; set backend to torch'):
        engines_of()._graph(3, 1)


def test_too_little_memory_to_export_is_no_refusal(monkeypatch):
    def short(*_):
        raise MemoryError

    monkeypatch.setattr(engines, 'onnx_of', short)
    with pytest.raises(MemoryError):
        engines_of()._graph(3, 1)


@pytest.fixture
def told(monkeypatch):
    """Engines that are told, not built."""
    monkeypatch.setattr(Engines, '_load_or_build', lambda self, *about: about)
    return engines_of()


def test_an_engine_serves_all_sizes_that_it_takes(told):
    first = told.get(3, 1, (1080, 1920))
    assert first[2].best == (1080, 1920)
    assert told.get(3, 1, (2160, 3840)) is first
    assert told.get(3, 1, (16, 16)) is first
    upright = told.get(3, 1, (3840, 2160))
    assert upright[2].best == (3840, 2160)
    assert told.get(3, 1, (2400, 1200)) is upright
    assert told.get(3, 1, (720, 1280)) is first


def test_each_number_of_frames_and_reference_has_an_engine(told):
    found = [told.get(n, k, (720, 1280)) for n, k in ((3, 1), (3, 0), (5, 1))]
    assert [about[:2] for about in found] == [(3, 1), (3, 0), (5, 1)]


def test_what_failed_is_refused_again_at_once(monkeypatch):
    failing, tries = engines_of(), []

    def unable(*about):
        tries.append(about)
        raise ValueError('expected an engine, got none')

    monkeypatch.setattr(failing, '_load_or_build', unable)
    for _ in range(3):
        with pytest.raises(ValueError, match='expected an engine, got none'):
            failing.get(3, 1, (720, 1280))
    assert len(tries) == 1
    with pytest.raises(ValueError, match='expected an engine'):
        failing.get(5, 1, (720, 1280))
    assert len(tries) == 2


def test_a_kept_engine_that_the_runtime_does_not_take_is_built_again(
        rtx, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(Engines, '_machine', lambda self: ('card',))
    monkeypatch.setattr(Engines, '_graph', lambda self, *about: b'')

    def refuse(*about):
        raise ValueError('enough')

    monkeypatch.setattr(engines, 'build_engine', refuse)
    monkeypatch.setattr(engines, 'load', lambda path: b'of another version' * 9)
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError, match='enough'):
        engines_of().get(3, 1, (720, 1280))
    assert 'card-3frames-reference2-1280x720-' in caplog.records[0].getMessage()
    assert 'it is built again' in caplog.records[0].getMessage()
