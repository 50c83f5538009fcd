# SPDX-License-Identifier: Apache-2.0
"""TensorRT engines from ONNX graphs. Untested on a card: there was none.

A network's types are those of the graph (strongly typed: TensorRT 11 knows nothing else, and 10
can do it), so precision is chosen where the graph is made (`export.py`), not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

from ddfnet_ros.runtime.bands import round_up

Made = TypeVar('Made')

Size = tuple[int, int]
"""Height and width."""

_OLDEST = (10, 1)  # from then on a context takes memory of the size that it asks for
_LEAST, _LARGEST = 16, (2160, 3840)


def check(device: torch.device) -> None:
    """See whether engines can be asked for.

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
    """Of the pictures that an engine takes; it is made to be fast with the best."""

    least: Size
    best: Size
    largest: Size

    def hold(self, size: Size) -> bool:
        """Whether a picture is one of them."""
        return all(low <= x <= high
                   for low, x, high in zip(self.least, size, self.largest, strict=True))


def sizes_for(size: Size, multiple: int) -> Sizes:
    """From 16x16 to 3840x2160, upright for an upright picture; in any case the picture's own.

    Args:
        size: Of the picture.
        multiple: Of which all are.
    """
    height, width = size
    least = round_up(_LEAST, multiple)
    high, wide = _LARGEST if width >= height else _LARGEST[::-1]
    return Sizes((min(least, height), min(least, width)), size,
                 (max(round_up(high, multiple), height), max(round_up(wide, multiple), width)))


def shapes_of(frames: int, size: Size) -> dict[str, tuple[int, ...]]:
    """Of an engine's inputs, one bracket at a time."""
    return {'stack': (1, frames, 6, *size), 'flow': (1, frames - 1, 2, *size)}


def listener() -> Any:
    """A logger that keeps the first error, which tells more than what follows from it.

    It must live as long as what was made with it.
    """
    import tensorrt

    class Listener(tensorrt.ILogger):  # type: ignore[misc,unused-ignore]  # Any if absent
        def __init__(self) -> None:
            tensorrt.ILogger.__init__(self)
            self._error = ''

        def log(self, severity: Any, msg: str) -> None:
            errors = (tensorrt.ILogger.Severity.INTERNAL_ERROR, tensorrt.ILogger.Severity.ERROR)
            if severity in errors and not self._error:
                self._error = ' '.join(msg.split())[:300]

        def error(self) -> str:
            """The first since the last call."""
            said, self._error = self._error, ''
            return said or 'no word of why'

    return Listener()


def made(kind: Callable[[Any], Made], heard: Any) -> Made:
    """TensorRT's builder or runtime.

    Args:
        kind: Its class.
        heard: A `listener`.

    Raises:
        ValueError: there is none to be had, as with a driver that is too old.
    """
    heard.error()
    try:
        return kind(heard)
    except TypeError:  # so the bindings say that they were given none
        raise refusal('TensorRT to start', heard.error()) from None


def built(graph: bytes, frames: int, sizes: Sizes, heard: Any) -> bytes:
    """An engine, serialised; takes minutes.

    Args:
        graph: ONNX, of any height and width.
        frames: Of a bracket.
        sizes: That it shall take.
        heard: A `listener`.

    Raises:
        ValueError: TensorRT cannot, for the reason that it told the listener.
    """
    import tensorrt

    builder = made(tensorrt.Builder, heard)
    network = builder.create_network(
        1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, heard)
    if not parser.parse(graph):
        raise refusal('a network that TensorRT can read', heard.error())
    profile = builder.create_optimization_profile()
    of_sizes = [shapes_of(frames, size) for size in sizes]
    for name in of_sizes[0]:
        profile.set_shape(name, *(shapes[name] for shapes in of_sizes))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    # Else small pictures take the memory of the largest.
    resize = getattr(tensorrt.PreviewFeature, 'RUNTIME_ACTIVATION_RESIZE_10_10', None)
    if resize is not None:
        config.set_preview_feature(resize, True)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise refusal('TensorRT to build an engine', heard.error())
    return bytes(engine)


def refusal(expected: str, got: str) -> ValueError:
    """That something cannot be had for a network, which torch can run all the same."""
    return ValueError(f'backend: expected {expected}, got: {got}; set backend to torch')
