# SPDX-License-Identifier: Apache-2.0
"""Convolutions in OpenVINO: on a CPU a third faster than torch, more in bfloat16 and 8 bits.

OpenVINO fuses each convolution with the operations that follow it. A network that supports it
keeps its convolutions in a module `core`, called as `core(frames, flow) -> maps`, where all three
are lists of tensors. All else stays in torch, and tests compare with the core in torch.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ddfnet_ros.runtime.eight_bits import Ranges, in_eight_bits
from ddfnet_ros.runtime.memory import is_shortage

_log = logging.getLogger(__name__)

_SHAPES_KEPT = 4  # compiled graphs; each holds its own activations
_GRAPHS_KEPT = 8  # one per model and number of frames, a few megabytes each
_TRACED_SIZE = (8, 12)  # any will do: the graph is reshaped before it is compiled


_converted: dict[tuple[str, tuple[int, ...], torch.dtype], Any] = {}


class OpenVINOCore(nn.Module):
    """Replaces a network's `core`; compiled at the first call with each shape."""

    def __init__(
        self, core: nn.Module, dtype: torch.dtype, threads: int, ranges: Ranges | None = None
    ) -> None:
        """Prepare to run a core.

        Args:
            core: The convolutions, on the CPU, in float32.
            dtype: Type to compute in, float32 or bfloat16.
            threads: Number of CPU threads.
            ranges: Ranges of the convolutions' inputs, to compute in 8 bits; None: not in 8 bits.

        Raises:
            ImportError: OpenVINO is not installed.
            ValueError: the ranges belong to another network.
        """
        super().__init__()
        self._runtime = runtime()
        self._core = core
        self._rounded = in_eight_bits(core, ranges) if ranges else core
        self._failed = False
        self._dtype = dtype
        self._options = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_NUM_THREADS': threads,
            'INFERENCE_PRECISION_HINT': 'bf16' if dtype is torch.bfloat16 else 'f32',
        }
        # Not `lru_cache` on methods: an unused model would then keep its threads and memory until
        # the garbage collector runs.
        self._requests: dict[tuple[tuple[int, ...], ...], Any] = {}

    def forward(self, frames: list[Tensor], flow: list[Tensor]) -> list[Tensor]:
        """Run the core; the next call overwrites the result."""
        if self._failed:
            return self._in_torch(frames, flow)
        # Channels last, as OpenVINO has them inside: torch's channels_last tensors are not copied.
        inputs = [x.permute(0, 2, 3, 1).to(self._dtype).contiguous() for x in (*frames, *flow)]
        try:
            request = self._request(tuple(tuple(x.shape) for x in inputs))
        except Exception as error:  # its errors share no other base
            if is_shortage(error):
                raise
            self._failed = True  # no second attempt: torch's tracer keeps megabytes of each
            _log.warning('OpenVINO cannot run this network, torch does: %s',
                         ' '.join(str(error).split())[:200])
            return self._in_torch(frames, flow)
        request.infer([_as_openvino(x) for x in inputs], share_inputs=True)
        return [torch.from_numpy(x.data).permute(0, 3, 1, 2) for x in request.output_tensors]

    def _in_torch(self, frames: list[Tensor], flow: list[Tensor]) -> list[Tensor]:
        """Run the core in torch, where OpenVINO or torch's tracer cannot."""
        with torch.autocast('cpu', torch.bfloat16, enabled=self._dtype is torch.bfloat16):
            maps: list[Tensor] = self._core(frames, flow)
        return maps

    def _request(self, shapes: tuple[tuple[int, ...], ...]) -> Any:
        """The inference request for these shapes; the most recent ones are kept."""
        request = self._requests.pop(shapes, None) or self._compile(shapes)
        self._requests[shapes] = request
        if len(self._requests) > _SHAPES_KEPT:
            del self._requests[next(iter(self._requests))]
        return request

    def _compile(self, shapes: tuple[tuple[int, ...], ...]) -> Any:
        """Compile the graph for these shapes."""
        channels = tuple(shape[-1] for shape in shapes)
        graph = self._graph(channels)
        graph.reshape(dict(enumerate(list(shape) for shape in shapes)))
        compiled = self._runtime.compile_model(graph, 'CPU', self._options)
        return compiled.create_infer_request()

    def _graph(self, channels: tuple[int, ...]) -> Any:
        """A copy of the core's graph.

        Equal cores are converted once per process, because torch's tracer never frees the
        megabytes of a trace.
        """
        key = (_fingerprint(self._rounded), channels, self._dtype)
        if key not in _converted:
            while len(_converted) >= _GRAPHS_KEPT:
                _converted.pop(next(iter(_converted)), None)
            _converted[key] = self._convert(channels)
        return _converted[key].clone()

    def _convert(self, channels: tuple[int, ...]) -> Any:
        """Convert the core to a graph with inputs and outputs of any size, channels last."""
        from openvino import Layout, Type
        from openvino.preprocess import PrePostProcessor

        with torch.inference_mode(mode=False):
            example = [torch.zeros(1, c, *_TRACED_SIZE) for c in channels]
            graph = graph_of(_TensorsOnly(self._rounded), example)
        graph.reshape({i: [1, c, -1, -1] for i, c in enumerate(channels)})
        layouts = PrePostProcessor(graph)
        kind = Type.bf16 if self._dtype is torch.bfloat16 else Type.f32
        for i in range(len(channels)):
            layouts.input(i).tensor().set_layout(Layout('NHWC')).set_element_type(kind)
            layouts.input(i).model().set_layout(Layout('NCHW'))
        for i in range(len(graph.outputs)):
            layouts.output(i).tensor().set_layout(Layout('NHWC'))
            layouts.output(i).model().set_layout(Layout('NCHW'))
        return layouts.build()


def graph_of(network: nn.Module, example: Sequence[Tensor]) -> Any:
    """Convert a network to an OpenVINO graph, by tracing it with example inputs."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), torch.autocast('cpu', enabled=False), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch warns of its own tracer
        traced = torch.jit.trace(network, tuple(example), check_trace=False)
        frontend = FrontEndManager().load_by_framework('pytorch')
        decoder = TorchScriptPythonDecoder(traced)  # must outlive the conversion
        return frontend.convert(frontend.load(decoder))


def _as_openvino(x: Tensor) -> Any:
    """View a tensor's memory for OpenVINO; bfloat16 needs its own type, as NumPy has none."""
    if x.dtype is not torch.bfloat16:
        return x.numpy()
    from openvino import Tensor as OpenVINOTensor
    from openvino import Type

    return OpenVINOTensor(x.view(torch.int16).numpy(), list(x.shape), Type.bf16)


def _fingerprint(core: nn.Module) -> str:
    """Digest of a core's layers and weights."""
    digest = hashlib.sha256(repr(core).encode())
    for parameter in core.parameters():
        digest.update(parameter.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


class _TensorsOnly(nn.Module):
    """A core that takes and returns tensors instead of lists, as the tracer needs it."""

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self._core = core

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        frames = (len(inputs) + 1) // 2  # there is one flow less
        return tuple(self._core(list(inputs[:frames]), list(inputs[frames:])))


@cache
def runtime() -> Any:
    """OpenVINO's Core, without its telemetry; one object for the life of the process.

    The Core gives the thread that first compiles its own stack for signal handlers. If another
    thread freed the Core, that stack would be gone and the next signal would kill the process.
    """
    sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]  # as if absent
    return importlib.import_module('openvino').Core()
