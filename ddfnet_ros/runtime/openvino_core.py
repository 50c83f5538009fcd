# SPDX-License-Identifier: Apache-2.0
"""Convolutions in OpenVINO: on a CPU a third faster than torch, in bfloat16 more.

It fuses each convolution with what follows it. A network that is meant for it keeps its
convolutions in a module `core`, called as `core(frames, flow) -> (list of maps, map)`; all else
stays in torch, and torch stays the reference that tests compare with.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

_log = logging.getLogger(__name__)

_SHAPES_KEPT = 4  # compiled graphs; each holds its own activations
_TRACED_SIZE = (32, 48)  # any will do: the graph is reshaped before it is compiled


class OpenVINOCore(nn.Module):
    """Takes the place of a network's `core`; compiled at the first call with each shape."""

    def __init__(self, core: nn.Module, dtype: torch.dtype, threads: int) -> None:
        """Prepare to run a core.

        Args:
            core: The convolutions, on the CPU, in float32.
            dtype: What they are computed in, float32 or bfloat16.
            threads: As many CPU threads are used.

        Raises:
            ImportError: OpenVINO is not installed.
        """
        super().__init__()
        self._runtime = _runtime()
        self._core = core
        self._failed = False
        self._options = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_NUM_THREADS': threads,
            'INFERENCE_PRECISION_HINT': 'bf16' if dtype is torch.bfloat16 else 'f32',
        }
        self._graph = lru_cache(_SHAPES_KEPT)(self._convert)
        self._request = lru_cache(_SHAPES_KEPT)(self._compile)

    def forward(self, frames: list[Tensor], flow: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """What the core gives; the next call writes over it."""
        given = [*frames, *flow]
        try:
            request = self._request(tuple(tuple(x.shape) for x in given))
        except Exception as error:  # of many kinds, which share no base but this
            return self._in_torch(frames, flow, error)
        request.infer([x.contiguous().numpy() for x in given], share_inputs=True)
        *maps, last = (torch.from_numpy(output.data) for output in request.output_tensors)
        return maps, last

    def _in_torch(
        self, frames: list[Tensor], flow: list[Tensor], error: Exception
    ) -> tuple[list[Tensor], Tensor]:
        """Go on where OpenVINO or torch's tracer cannot."""
        if not self._failed:
            self._failed = True
            _log.warning('OpenVINO cannot run this network, torch does: %s',
                         ' '.join(str(error).split())[:200])
        maps, last = self._core(frames, flow)
        return maps, last

    def _compile(self, shapes: tuple[tuple[int, ...], ...]) -> Any:
        graph = self._graph((len(shapes) + 1) // 2)
        graph.reshape(dict(enumerate(list(shape) for shape in shapes)))
        compiled = self._runtime.compile_model(graph, 'CPU', self._options)
        return compiled.create_infer_request()

    def _convert(self, frames: int) -> Any:
        """The core's graph for a number of frames, of any size."""
        from openvino.frontend import FrontEndManager  # noqa: PLC0415  (optional)
        from openvino.frontend.pytorch.ts_decoder import (  # noqa: PLC0415
            TorchScriptPythonDecoder,
        )

        example = [torch.zeros(1, 9, *_TRACED_SIZE)] * frames
        example += [torch.zeros(1, 2, *_TRACED_SIZE)] * (frames - 1)
        with torch.inference_mode(mode=False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # torch warns of its own tracer
            traced = torch.jit.trace(_Flat(self._core, frames), tuple(example), check_trace=False)
        frontend = FrontEndManager().load_by_framework('pytorch')
        decoder = TorchScriptPythonDecoder(traced)  # must outlive the conversion
        return frontend.convert(frontend.load(decoder))


class _Flat(nn.Module):
    """A core with tensors, not lists, on both ends, as the tracer wants it."""

    def __init__(self, core: nn.Module, frames: int) -> None:
        super().__init__()
        self._core, self._frames = core, frames

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        maps, last = self._core(list(given[:self._frames]), list(given[self._frames:]))
        return (*maps, last)


@cache
def _runtime() -> Any:
    """OpenVINO's Core, one for as long as the process lives, and without its telemetry.

    It gives the thread that first compiles a stack of its own for signal handlers. Freed by
    another thread it would take that stack away, and the next signal would kill the process.
    """
    sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]  # as if absent
    return importlib.import_module('openvino').Core()
