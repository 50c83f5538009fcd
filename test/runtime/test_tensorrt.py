# SPDX-License-Identifier: Apache-2.0
"""What of TensorRT's backend runs without a card; test_gpu.py has what needs one."""

import gc
import logging
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime import (
    acceleration,
    tensorrt_builder,
    tensorrt_engines,
    tensorrt_fusion,
)
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.stack_pipeline import StackPipeline
from ddfnet_ros.runtime.tensorrt_builder import check, shapes_of, sizes_for
from ddfnet_ros.runtime.tensorrt_engines import Engines
from ddfnet_ros.runtime.tensorrt_fusion import TensorRTFusion
from ddfnet_ros.settings import DeghosterSettings

CPU, CUDA = torch.device('cpu'), torch.device('cuda')
HERE = Path(__file__).parent


def network():
    """A small one whose every layer matters."""
    torch.manual_seed(0)
    model = FastFusion(FastConfig(channels=8, context=8, blocks=1)).eval()
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=3)
    return model


def fusion(model=None):
    return TensorRTFusion(model or network(), CUDA, torch.bfloat16, 'ab12')


# Choosing it.


def test_auto_never_takes_it():
    model = SimpleNamespace()
    assert acceleration.install_backend(model, 'auto', CUDA, torch.bfloat16) == 'torch'


def test_on_a_cpu_it_is_refused():
    with pytest.raises(ValueError, match='expected a CUDA device for tensorrt, got cpu'):
        Deghoster(DeghosterSettings(model='fast', device='cpu', backend='tensorrt'))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(ValueError, match=r'pip install "ddfnet_ros\[tensorrt\]"'):
        acceleration.install_backend(network(), 'tensorrt', CUDA, torch.bfloat16)


@pytest.mark.parametrize(('version', 'taken'), [
    ('8.6.1', False), ('10.0.1', False), ('10.1.0', True), ('10.16.1.11', True), ('11.4.0', True)])
def test_versions_before_memory_can_be_given_by_size_are_refused(monkeypatch, version, taken):
    monkeypatch.setitem(sys.modules, 'tensorrt', SimpleNamespace(__version__=version))
    if taken:
        backend = acceleration.install_backend(network(), 'tensorrt', CUDA, torch.bfloat16)
        assert backend == 'tensorrt'
        return
    with pytest.raises(ValueError, match=rf'expected TensorRT 10\.1 or newer, got {version}'):
        check(CUDA)


# Shapes.


@pytest.mark.parametrize('multiple', [1, 8, 32])
@pytest.mark.parametrize('size', [
    (1080, 1920), (1920, 1080), (720, 720), (2160, 3840), (4000, 6000), (32, 96), (64, 5000)])
def test_an_engine_takes_all_from_16x16_to_4k_and_the_picture_itself(size, multiple):
    size = tuple(-(-x // multiple) * multiple for x in size)
    sizes = sizes_for(size, multiple)
    assert sizes.best == size
    assert sizes.hold(size)
    assert not any(x % multiple for each in sizes for x in each)
    longer = sizes.largest[::-1] if size[0] > size[1] else sizes.largest
    assert longer[0] >= 2160
    assert longer[1] >= 3840
    assert all(x <= max(16, multiple) for x in sizes.least)
    outside = sizes.largest[0] + multiple, sizes.largest[1]
    assert not sizes.hold(outside)


def test_a_picture_smaller_than_16_pixels_is_held_too():
    assert sizes_for((8, 24), 8).least == (8, 16)


def test_shapes_are_those_of_one_bracket():
    assert shapes_of(5, (40, 48)) == {'stack': (1, 5, 6, 40, 48), 'flow': (1, 4, 2, 40, 48)}


# The graph that engines are built from.

_EXPORT = """
from ddfnet_ros.runtime.selection import move_
from test_tensorrt import CPU, fusion, network, torch
with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
    graph = fusion(move_(network(), CPU))._engines._graph(3, 1)
open(sys.argv[1], 'wb').write(graph)
"""


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """As it is made at the first bracket, in bfloat16."""
    path = tmp_path_factory.mktemp('onnx') / 'tiny.onnx'
    # In a process of its own: torch traces with numbers that the checker of shapes refuses.
    found = f'import sys; sys.path[:0] = {[str(HERE), str(HERE.parents[1])]}'
    done = subprocess.run([sys.executable, '-c', found + _EXPORT, path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


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

    monkeypatch.setattr(tensorrt_engines, 'onnx_of', unable)
    with pytest.raises(ValueError, match='that torch can export, got: FastFusion, no such '
                                         'operator as this one; set backend to torch'):
        fusion()._engines._graph(3, 1)


def test_too_little_memory_to_export_is_no_refusal(monkeypatch):
    def short(*_):
        raise MemoryError

    monkeypatch.setattr(tensorrt_engines, 'onnx_of', short)
    with pytest.raises(MemoryError):
        fusion()._engines._graph(3, 1)


# Engines.


@pytest.fixture
def engines(monkeypatch):
    """Engines that are told, not built."""
    monkeypatch.setattr(Engines, '_made', lambda self, *about: about)
    return Engines(network(), CUDA, torch.bfloat16, 'ab12')


def test_an_engine_serves_all_sizes_that_it_takes(engines):
    first = engines.get(3, 1, (1080, 1920))
    assert first[2].best == (1080, 1920)
    assert engines.get(3, 1, (2160, 3840)) is first
    assert engines.get(3, 1, (16, 16)) is first
    upright = engines.get(3, 1, (3840, 2160))
    assert upright[2].best == (3840, 2160)
    assert engines.get(3, 1, (2400, 1200)) is upright
    assert engines.get(3, 1, (720, 1280)) is first


def test_each_number_of_frames_and_reference_has_an_engine(engines):
    found = [engines.get(n, k, (720, 1280)) for n, k in ((3, 1), (3, 0), (5, 1))]
    assert [about[:2] for about in found] == [(3, 1), (3, 0), (5, 1)]


def test_what_failed_is_refused_again_at_once(monkeypatch):
    engines, tries = Engines(network(), CUDA, torch.bfloat16, 'ab12'), []

    def unable(*about):
        tries.append(about)
        raise ValueError('expected an engine, got none')

    monkeypatch.setattr(engines, '_made', unable)
    for _ in range(3):
        with pytest.raises(ValueError, match='expected an engine, got none'):
            engines.get(3, 1, (720, 1280))
    assert len(tries) == 1
    with pytest.raises(ValueError, match='expected an engine'):
        engines.get(5, 1, (720, 1280))
    assert len(tries) == 2


# In a network's place.


@pytest.mark.parametrize('model', [network(), AHDRNet(AHDRNetConfig())])
def test_what_else_a_network_can_do_it_does_itself(model):
    found = fusion(model)
    assert found.multiple == model.multiple
    for name in ('shares', 'reach'):
        assert hasattr(found, name) == hasattr(model, name)


class Run:
    """Stands in for an engine at work."""


@pytest.fixture
def runs(monkeypatch):
    """A fusion whose engines are told, not built or run."""
    monkeypatch.setattr(Engines, 'get', lambda self, *about: about)
    monkeypatch.setattr(Engines, 'heard', None)
    monkeypatch.setattr(tensorrt_fusion, '_Run', lambda *about: Run())
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    return fusion()


def test_a_size_keeps_what_it_runs_in_as_long_as_it_is_among_the_latest(runs):
    first = runs._run(3, 1, (16, 16))
    for k in range(2, 9):
        runs._run(3, 1, (16 * k, 16))
    assert runs._run(3, 1, (16, 16)) is first
    seen = weakref.ref(runs._run(3, 1, (32, 16)))
    for k in range(20, 30):
        runs._run(3, 1, (16 * k, 16))
    gc.collect()
    assert seen() is None
    assert len(runs._runs) == tensorrt_fusion._RUNS_KEPT


def test_a_graph_keeps_alive_what_it_was_captured_from(runs, monkeypatch):
    replayed = []
    monkeypatch.setattr(tensorrt_fusion, 'cuda_graph',
                        lambda work: (work(), lambda: replayed.append('again')))

    def work():
        runs._run(3, 1, (16, 16))
        return torch.ones(1)

    pipeline = StackPipeline(runs, lambda given: given, CUDA, torch.bfloat16)
    result, replay = pipeline.graphs._capture(work)
    seen = weakref.ref(runs._run(3, 1, (16, 16)))
    for k in range(20, 30):
        runs._run(3, 1, (16 * k, 16))
    gc.collect()
    assert seen() is not None
    replay()
    assert (result.item(), replayed) == (1, ['again'])
    del replay
    gc.collect()
    assert seen() is None


# The real package.

_NEEDED = {
    'Builder.create_network': 'flags: typing.SupportsInt = 0) -> ',
    'Builder.create_optimization_profile': ') -> ',
    'Builder.create_builder_config': ') -> ',
    'Builder.build_serialized_network': 'IBuilderConfig',
    'OnnxParser.__init__': 'logger: ',
    'OnnxParser.parse': 'path: str = None) -> bool',
    'IOptimizationProfile.set_shape': 'input: str, min: ',
    'IBuilderConfig.add_optimization_profile': ') -> int',
    'IBuilderConfig.set_preview_feature': 'enable: bool',
    'Runtime.__init__': 'logger: ',
    'Runtime.deserialize_cuda_engine': 'ICudaEngine',
    'ICudaEngine.create_execution_context': 'strategy: ',
    'IExecutionContext.set_input_shape': 'name: str, shape: tuple) -> bool',
    'IExecutionContext.update_device_memory_size_for_shapes': ') -> int',
    'IExecutionContext.set_device_memory': 'memory: typing.SupportsInt, size: ',
    'IExecutionContext.set_tensor_address': 'name: str, memory: typing.SupportsInt) -> bool',
    'IExecutionContext.execute_async_v3': 'stream_handle: typing.SupportsInt) -> bool',
    'ILogger.log': 'msg: str) -> None',
}


def test_the_package_has_all_that_is_called():
    tensorrt = pytest.importorskip('tensorrt', reason='needs tensorrt', exc_type=ImportError)
    for path, signature in _NEEDED.items():
        kind, name = path.split('.')
        said = getattr(getattr(tensorrt, kind), name).__doc__
        assert signature in said, path
    assert tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED is not None
    assert tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED is not None
    heard = tensorrt_builder.listener()
    severities = tensorrt.ILogger.Severity
    for severity, words in ((severities.WARNING, 'slow'), (severities.ERROR, 'no\n memory'),
                            (severities.INTERNAL_ERROR, 'no engine')):
        heard.log(severity, words)
    assert [heard.error(), heard.error()] == ['no memory', 'no word of why']


@pytest.fixture
def builder(monkeypatch):
    """TensorRT for RTX, which has the same builder and builds without a card."""
    module = pytest.importorskip('tensorrt_rtx', reason='needs tensorrt-rtx')
    monkeypatch.setitem(sys.modules, 'tensorrt', module)
    return tensorrt_builder


def test_a_real_builder_takes_the_graph_in_all_shapes(graph, builder):
    for size in ((1080, 1920), (1920, 1080), (8, 24), (4096, 6144)):
        assert len(builder.built(graph, 3, sizes_for(size, 8), builder.listener())) > 1e5


def test_a_real_builder_tells_why_it_cannot(graph, builder):
    heard, sizes = builder.listener(), sizes_for((1080, 1920), 8)
    with pytest.raises(ValueError, match='Failed to parse the ONNX model'):
        builder.built(b'nothing of the kind', 3, sizes, heard)
    with pytest.raises(ValueError, match='Dimension mismatch for tensor stack'):
        builder.built(graph, 4, sizes, heard)


def test_a_kept_engine_that_the_runtime_does_not_take_is_built_again(
        builder, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(Engines, '_machine', lambda self: ('card',))
    monkeypatch.setattr(Engines, '_graph', lambda self, *about: b'')

    def built(*about):
        raise ValueError('enough')

    monkeypatch.setattr(tensorrt_engines, 'built', built)
    monkeypatch.setattr(tensorrt_engines, 'kept', lambda path: b'of another version' * 9)
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError, match='enough'):
        Engines(network(), CUDA, torch.bfloat16, 'ab12').get(3, 1, (720, 1280))
    assert 'card-3frames-reference2-1280x720-' in caplog.records[0].getMessage()
    assert 'it is built again' in caplog.records[0].getMessage()
