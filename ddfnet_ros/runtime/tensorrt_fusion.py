# SPDX-License-Identifier: Apache-2.0
"""A network run by TensorRT. Untested on a card: there was none.

Memory comes from torch, work goes to torch's current stream, and the host waits for nothing; so
CUDA graphs can capture it (`graphs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.runtime.graphs import cuda_graph
from ddfnet_ros.runtime.tensorrt_builder import Size, shapes_of
from ddfnet_ros.runtime.tensorrt_engines import Engines

_RUNS_KEPT = 8  # twice as many as CUDA graphs


class TensorRTFusion:
    """Takes the place of a network that fuses; what else is asked of a network, it does itself."""

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype, checksum: str
    ) -> None:
        """Prepare to run a network; its engines come with the first brackets.

        Args:
            network: On the device, in eval mode.
            device: On which `tensorrt_builder.check` has nothing to say.
            dtype: What the convolutions are computed in, float32 or bfloat16.
            checksum: Of the weights.
        """
        self._network, self._device = network, device
        self._engines = Engines(network, device, dtype, checksum)
        self._runs: dict[tuple[int, int, Size], _Run] = {}

    def __getattr__(self, name: str) -> Any:
        """The network's `multiple`, and its `reach` and `shares` where it has them."""
        return getattr(self.__dict__['_network'], name)

    def __call__(
        self, stack: Float[Tensor, 'b n 6 h w'], flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse brackets, one after the other.

        Raises:
            ValueError: there is no engine to be had for them.
            RuntimeError: TensorRT cannot run it, as where memory is short.
        """
        stack, flow = stack.float().contiguous(), flow.float().contiguous()
        batch, frames, _, height, width = stack.shape
        radiance = stack.new_empty((batch, 3, height, width))
        with torch.cuda.device(self._device):
            run = self._run(frames, reference_index, (height, width))
            for of_one in zip(stack.split(1), flow.split(1), radiance.split(1), strict=True):
                run(dict(zip(('stack', 'flow', 'radiance'), of_one, strict=True)))
        return radiance

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
        """Work that calls this as a CUDA graph, which keeps alive what it runs in."""
        result, replay = cuda_graph(work)
        latest = next(reversed(self._runs.values()))
        return result, lambda: (replay(), latest)

    def _run(self, frames: int, reference_index: int, size: Size) -> _Run:
        """For brackets of a kind and size; the most recent ones are kept."""
        key = (frames, reference_index, size)
        run = self._runs.pop(key, None) or _Run(
            self._engines.get(*key), shapes_of(frames, size), self._engines.heard)
        self._runs[key] = run
        if len(self._runs) > _RUNS_KEPT:
            torch.cuda.synchronize()  # it may be running
            del self._runs[next(iter(self._runs))]
        return run


class _Run:
    """An engine at work on brackets of one size.

    No other size shares its context: shapes must not change under a graph that has captured it.
    """

    def __init__(self, engine: Any, shapes: Mapping[str, tuple[int, ...]], heard: Any) -> None:
        import tensorrt

        self._heard = heard
        self._context = engine.create_execution_context(
            tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED)
        self._see(self._context is not None)
        for name, shape in shapes.items():
            self._see(self._context.set_input_shape(name, shape))
        self._bytes = self._context.update_device_memory_size_for_shapes()

    def __call__(self, tensors: Mapping[str, Tensor]) -> None:
        """Have the outputs written, on the current stream."""
        memory = torch.empty(max(self._bytes, 1), dtype=torch.uint8, device='cuda')
        self._context.set_device_memory(memory.data_ptr(), self._bytes)
        for name, tensor in tensors.items():
            self._see(self._context.set_tensor_address(name, tensor.data_ptr()))
        self._see(self._context.execute_async_v3(torch.cuda.current_stream().cuda_stream))

    def _see(self, done: bool) -> None:
        if not done:
            raise RuntimeError(f'expected TensorRT to run its engine, got: {self._heard.error()}; '
                               'set backend to torch')
