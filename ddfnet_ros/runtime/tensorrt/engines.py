# SPDX-License-Identifier: Apache-2.0
"""The TensorRT engines of a network, from disk or built. Untested on a card: there was none."""

from __future__ import annotations

import copy
import ctypes
import logging
from functools import cached_property
from typing import Any, cast

import torch
from torch import nn

from ddfnet_ros.network import describe
from ddfnet_ros.runtime.export import onnx_of
from ddfnet_ros.runtime.memory import is_shortage
from ddfnet_ros.runtime.tensorrt.builder import (
    Size,
    Sizes,
    build_engine,
    create,
    error_logger,
    refusal,
    sizes_for,
)
from ddfnet_ros.runtime.tensorrt.engine_files import load, path_of, store

_log = logging.getLogger(__name__)


class Engines:
    """One engine per number of frames and reference; more where sizes go beyond its range."""

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype, checksum: str
    ) -> None:
        """Start with no engine loaded.

        Args:
            network: The network, in eval mode.
            device: A CUDA device that `builder.check` accepts.
            dtype: Type of the convolutions, float32 or bfloat16.
            checksum: Checksum of the weights.
        """
        self._network, self._device, self._dtype = network, device, dtype
        self._checksum = checksum
        self._ready: dict[tuple[int, int], list[tuple[Sizes, Any]]] = {}
        self._refused: dict[tuple[int, int], str] = {}

    @cached_property
    def logger(self) -> Any:
        """Keeps TensorRT's first error."""
        return error_logger()

    def get(self, frames: int, reference_index: int, size: Size) -> Any:
        """The engine for pictures of a size; loaded or built the first time, then kept.

        Raises:
            ValueError: it cannot be built; what has failed once is not tried again.
        """
        kind = (frames, reference_index)
        for sizes, engine in self._ready.get(kind, ()):
            if sizes.contain(size):
                return engine
        if kind in self._refused:
            raise ValueError(self._refused[kind])
        sizes = sizes_for(size, cast('int', self._network.multiple))
        try:
            engine = self._load_or_build(frames, reference_index, sizes)
        except ValueError as error:
            self._refused[kind] = str(error)
            raise
        self._ready.setdefault(kind, []).append((sizes, engine))
        return engine

    def _load_or_build(self, frames: int, reference_index: int, sizes: Sizes) -> Any:
        path = path_of(f'{self._checksum} {describe(self._network)}', *self._machine(),
                       f'{frames}frames', f'reference{reference_index + 1}',
                       'x'.join(map(str, reversed(sizes.best))))
        if plan := load(path):
            if engine := self._runtime.deserialize_cuda_engine(plan):
                return engine
            _log.warning('%s: expected an engine that TensorRT takes, got: %s; it is built again',
                         path, self.logger.error())
        _log.warning('TensorRT builds an engine, in minutes, once: %s', path)
        plan = build_engine(self._graph(frames, reference_index), frames, sizes, self.logger)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise refusal('an engine that TensorRT takes back', self.logger.error())
        store(path, plan)
        return engine

    def _graph(self, frames: int, reference_index: int) -> bytes:
        """The network as ONNX."""
        with torch.inference_mode(mode=False):
            network = copy.deepcopy(self._network).cpu()
        try:
            graph = onnx_of(network, frames, reference_index, self._dtype)
        except ValueError:
            raise
        except Exception as error:  # whatever torch's exporter raises
            if is_shortage(error):
                raise
            message = ' '.join(str(error).split())[:200]
            raise refusal('a network that torch can export',
                          f'{type(network).__name__}, {message}') from error
        content: bytes = graph.SerializeToString()
        return content

    @cached_property
    def _runtime(self) -> Any:
        import tensorrt

        return create(tensorrt.Runtime, self.logger)

    def _machine(self) -> tuple[str, ...]:
        """What an engine depends on besides the network: card, driver, TensorRT, type."""
        import tensorrt

        card = torch.cuda.get_device_properties(self._device)
        return (card.name, f'sm{card.major}{card.minor}', f'driver{_driver()}',
                f'tensorrt{tensorrt.__version__}', str(self._dtype).removeprefix('torch.'))


def _driver() -> int:
    """CUDA version that the driver is made for, such as 13000."""
    version = ctypes.c_int()
    ctypes.CDLL('libcuda.so.1').cuDriverGetVersion(ctypes.byref(version))
    return version.value
