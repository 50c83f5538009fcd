# SPDX-License-Identifier: Apache-2.0
"""TensorRT engines from ONNX graphs. Untested on a card: there was none.

Networks are strongly typed (TensorRT 11 knows nothing else, and 10 can do it): their types are
those of the graph, so precision is chosen where the graph is exported (`export.py`), not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

from ddfnet_ros.runtime.bands import round_up

T = TypeVar('T')

Size = tuple[int, int]
"""Height and width."""

_OLDEST = (10, 1)  # from this version on a context says how much memory it needs for a size
_LEAST, _LARGEST = 16, (2160, 3840)  # side; height and width [px]


def check(device: torch.device) -> None:
    """Check that engines can be built and run.

    Raises:
        ValueError: the device is none of CUDA's, or TensorRT is not installed or too old.
    """
    if device.type != 'cuda':
        raise ValueError(f'backend: expected a CUDA device for tensorrt, got {device}; set device '
                         'to cuda, or backend to auto')
    try:
        import tensorrt
    except ImportError as error:
        raise ValueError(f'backend: expected TensorRT to be installed, got: {error}; pip install '
                         '"ddfnet_ros[tensorrt]", or set backend to auto') from None
    version = tensorrt.__version__
    if tuple(map(int, version.split('.')[:2])) < _OLDEST:
        raise ValueError('backend: expected TensorRT 10.1 or newer, got '
                         f'{version}; update it, or set backend to auto')


class Sizes(NamedTuple):
    """Sizes of the pictures that an engine takes; it is optimised for `best`."""

    least: Size
    best: Size
    largest: Size

    def contain(self, size: Size) -> bool:
        """Whether a picture of this size is taken."""
        return all(low <= x <= high
                   for low, x, high in zip(self.least, size, self.largest, strict=True))


def sizes_for(size: Size, multiple: int) -> Sizes:
    """16x16 to 3840x2160, upright for an upright picture, and always the picture's own size.

    Args:
        size: Size of the picture.
        multiple: All heights and widths are multiples of this.
    """
    height, width = size
    least = round_up(_LEAST, multiple)
    high, wide = _LARGEST if width >= height else _LARGEST[::-1]
    return Sizes((min(least, height), min(least, width)), size,
                 (max(round_up(high, multiple), height), max(round_up(wide, multiple), width)))


def input_shapes(frames: int, size: Size) -> dict[str, tuple[int, ...]]:
    """Shapes of an engine's inputs: one bracket at a time."""
    return {'stack': (1, frames, 6, *size), 'flow': (1, frames - 1, 2, *size)}


def error_logger() -> Any:
    """TensorRT logger that keeps the first error, which tells more than those that follow.

    It must live as long as the objects that were created with it.
    """
    import tensorrt

    class ErrorLogger(tensorrt.ILogger):  # type: ignore[misc,unused-ignore]  # Any if absent
        def __init__(self) -> None:
            tensorrt.ILogger.__init__(self)
            self._error = ''

        def log(self, severity: Any, msg: str) -> None:
            errors = (tensorrt.ILogger.Severity.INTERNAL_ERROR, tensorrt.ILogger.Severity.ERROR)
            if severity in errors and not self._error:
                self._error = ' '.join(msg.split())[:300]

        def error(self) -> str:
            """The first error since the last call."""
            error, self._error = self._error, ''
            return error or 'no word of why'

    return ErrorLogger()


def create(kind: Callable[[Any], T], logger: Any) -> T:
    """Create TensorRT's builder or runtime.

    Args:
        kind: Its class.
        logger: An `error_logger`.

    Raises:
        ValueError: TensorRT cannot create it, as with a driver that is too old.
    """
    logger.error()
    try:
        return kind(logger)
    except TypeError:  # what the bindings raise where TensorRT returned null
        raise refusal('TensorRT to start', logger.error()) from None


def build_engine(graph: bytes, frames: int, sizes: Sizes, logger: Any) -> bytes:
    """Build and serialise an engine; takes minutes.

    Args:
        graph: ONNX graph of dynamic height and width.
        frames: Number of frames of a bracket.
        sizes: Sizes of the pictures that it shall take.
        logger: An `error_logger`.

    Raises:
        ValueError: TensorRT cannot build it; with TensorRT's reason.
    """
    import tensorrt

    builder = create(tensorrt.Builder, logger)
    network = builder.create_network(
        1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(graph):
        raise refusal('a network that TensorRT can read', logger.error())
    profile = builder.create_optimization_profile()
    shapes_of_sizes = [input_shapes(frames, size) for size in sizes]
    for name in shapes_of_sizes[0]:
        profile.set_shape(name, *(shapes[name] for shapes in shapes_of_sizes))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    # Without this, small pictures take the memory of the largest.
    resize = getattr(tensorrt.PreviewFeature, 'RUNTIME_ACTIVATION_RESIZE_10_10', None)
    if resize is not None:
        config.set_preview_feature(resize, True)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise refusal('TensorRT to build an engine', logger.error())
    return bytes(engine)


def refusal(expected: str, got: str) -> ValueError:
    """The error for a network that TensorRT cannot run, but torch can."""
    return ValueError(f'backend: expected {expected}, got: {got}; set backend to torch')
