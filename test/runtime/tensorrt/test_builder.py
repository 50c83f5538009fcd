# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.runtime.tensorrt import builder
from ddfnet_ros.runtime.tensorrt.builder import input_shapes, sizes_for


@pytest.mark.parametrize('multiple', [1, 8, 32])
@pytest.mark.parametrize('size', [
    (1080, 1920), (1920, 1080), (720, 720), (2160, 3840), (4000, 6000), (32, 96), (64, 5000)])
def test_an_engine_takes_all_from_16x16_to_4k_and_the_picture_itself(size, multiple):
    size = tuple(-(-x // multiple) * multiple for x in size)
    sizes = sizes_for(size, multiple)
    assert sizes.best == size
    assert sizes.contain(size)
    assert not any(x % multiple for each in sizes for x in each)
    longer = sizes.largest[::-1] if size[0] > size[1] else sizes.largest
    assert longer[0] >= 2160
    assert longer[1] >= 3840
    assert all(x <= max(16, multiple) for x in sizes.least)
    outside = sizes.largest[0] + multiple, sizes.largest[1]
    assert not sizes.contain(outside)


def test_a_picture_smaller_than_16_pixels_is_held_too():
    assert sizes_for((8, 24), 8).least == (8, 16)


def test_shapes_are_those_of_one_bracket():
    assert input_shapes(5, (40, 48)) == {'stack': (1, 5, 6, 40, 48), 'flow': (1, 4, 2, 40, 48)}


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
    logger = builder.error_logger()
    severities = tensorrt.ILogger.Severity
    for severity, words in ((severities.WARNING, 'slow'), (severities.ERROR, 'no\n memory'),
                            (severities.INTERNAL_ERROR, 'no engine')):
        logger.log(severity, words)
    assert [logger.error(), logger.error()] == ['no memory', 'no word of why']


def test_a_real_builder_takes_the_graph_in_all_shapes(graph, rtx):
    for size in ((1080, 1920), (1920, 1080), (8, 24), (4096, 6144)):
        logger, sizes = builder.error_logger(), sizes_for(size, 8)
        assert len(builder.build_engine(graph, 3, sizes, logger)) > 1e5


def test_a_real_builder_tells_why_it_cannot(graph, rtx):
    logger, sizes = builder.error_logger(), sizes_for((1080, 1920), 8)
    with pytest.raises(ValueError, match='Failed to parse the ONNX model'):
        builder.build_engine(b'nothing of the kind', 3, sizes, logger)
    with pytest.raises(ValueError, match='Dimension mismatch for tensor stack'):
        builder.build_engine(graph, 4, sizes, logger)
