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
from ddfnet_ros.runtime.engine_files import file_of, keep, kept
from ddfnet_ros.runtime.export import onnx_of
from ddfnet_ros.runtime.memory import is_shortage
from ddfnet_ros.runtime.tensorrt_builder import (
    Size,
    Sizes,
    built,
    listener,
    made,
    refusal,
    sizes_for,
)

_log = logging.getLogger(__name__)


class Engines:
    """One for each number of frames and place of the reference; more, if sizes ask for it."""

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype, checksum: str
    ) -> None:
        """Have none yet.

        Args:
            network: In eval mode.
            device: On which `tensorrt_builder.check` has nothing to say.
            dtype: What the convolutions are computed in, float32 or bfloat16.
            checksum: Of the weights.
        """
        self._network, self._device, self._dtype = network, device, dtype
        self._checksum = checksum
        self._ready: dict[tuple[int, int], list[tuple[Sizes, Any]]] = {}
        self._refused: dict[tuple[int, int], str] = {}

    @cached_property
    def heard(self) -> Any:
        """What TensorRT tells all that it goes wrong."""
        return listener()

    def get(self, frames: int, reference_index: int, size: Size) -> Any:
        """One that takes pictures of a size, and as many others as one can; it stays.

        Raises:
            ValueError: there is none to be had; what has failed is not tried again.
        """
        kind = (frames, reference_index)
        for sizes, engine in self._ready.get(kind, ()):
            if sizes.hold(size):
                return engine
        if kind in self._refused:
            raise ValueError(self._refused[kind])
        sizes = sizes_for(size, cast('int', self._network.multiple))
        try:
            engine = self._made(frames, reference_index, sizes)
        except ValueError as error:
            self._refused[kind] = str(error)
            raise
        self._ready.setdefault(kind, []).append((sizes, engine))
        return engine

    def _made(self, frames: int, reference_index: int, sizes: Sizes) -> Any:
        """From disk, or else built and put there."""
        path = file_of(f'{self._checksum} {describe(self._network)}', *self._machine(),
                       f'{frames}frames', f'reference{reference_index + 1}',
                       'x'.join(map(str, reversed(sizes.best))))
        if plan := kept(path):
            if engine := self._runtime.deserialize_cuda_engine(plan):
                return engine
            _log.warning('%s: expected an engine that TensorRT takes, got: %s; it is built again',
                         path, self.heard.error())
        _log.warning('TensorRT builds an engine, in minutes, once: %s', path)
        plan = built(self._graph(frames, reference_index), frames, sizes, self.heard)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise refusal('an engine that TensorRT takes back', self.heard.error())
        keep(path, plan)
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
            said = ' '.join(str(error).split())[:200]
            raise refusal('a network that torch can export',
                          f'{type(network).__name__}, {said}') from error
        content: bytes = graph.SerializeToString()
        return content

    @cached_property
    def _runtime(self) -> Any:
        import tensorrt

        return made(tensorrt.Runtime, self.heard)

    def _machine(self) -> tuple[str, ...]:
        """What an engine depends on besides the network."""
        import tensorrt

        card = torch.cuda.get_device_properties(self._device)
        return (card.name, f'sm{card.major}{card.minor}', f'driver{_driver()}',
                f'tensorrt{tensorrt.__version__}', str(self._dtype).removeprefix('torch.'))


def _driver() -> int:
    """CUDA version that the driver is made for, such as 13000."""
    version = ctypes.c_int()
    ctypes.CDLL('libcuda.so.1').cuDriverGetVersion(ctypes.byref(version))
    return version.value
