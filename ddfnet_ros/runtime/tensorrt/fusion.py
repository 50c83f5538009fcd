# SPDX-License-Identifier: Apache-2.0
"""A network run by TensorRT. Untested on a card: there was none.

Memory comes from torch, work goes to torch's current stream, and the host does not wait. So CUDA
graphs can capture it (`graphs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.runtime.graphs import cuda_graph
from ddfnet_ros.runtime.tensorrt.builder import Size, input_shapes
from ddfnet_ros.runtime.tensorrt.engines import Engines

_EXECUTIONS_KEPT = 8  # twice as many as CUDA graphs


class TensorRTFusion:
    """Replaces a network that fuses; other attributes are those of the network."""

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype, checksum: str
    ) -> None:
        """Prepare to run a network; its engines come with the first brackets.

        Args:
            network: The network, on the device, in eval mode.
            device: A CUDA device that `builder.check` accepts.
            dtype: Type of the convolutions, float32 or bfloat16.
            checksum: Checksum of the weights.
        """
        self._network, self._device = network, device
        self._engines = Engines(network, device, dtype, checksum)
        self._executions: dict[tuple[int, int, Size], _Execution] = {}

    def __getattr__(self, name: str) -> Any:
        """The network's `multiple`, and its `reach` and `shares` where it has them."""
        return getattr(self.__dict__['_network'], name)

    def __call__(
        self, stack: Float[Tensor, 'b n 6 h w'], flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse brackets, one after the other.

        Raises:
            ValueError: there is no engine for them.
            RuntimeError: TensorRT cannot run its engine, for example where memory is short.
        """
        stack, flow = stack.float().contiguous(), flow.float().contiguous()
        batch, frames, _, height, width = stack.shape
        radiance = stack.new_empty((batch, 3, height, width))
        with torch.cuda.device(self._device):
            execution = self._execution(frames, reference_index, (height, width))
            for tensors in zip(stack.split(1), flow.split(1), radiance.split(1), strict=True):
                execution(dict(zip(('stack', 'flow', 'radiance'), tensors, strict=True)))
        return radiance

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
        """Capture work that calls this network; the replay keeps the execution context alive."""
        result, replay = cuda_graph(work)
        latest = next(reversed(self._executions.values()))
        return result, lambda: (replay(), latest)

    def _execution(self, frames: int, reference_index: int, size: Size) -> _Execution:
        """The execution for brackets of one kind and size; the most recent ones are kept."""
        key = (frames, reference_index, size)
        execution = self._executions.pop(key, None) or _Execution(
            self._engines.get(*key), input_shapes(frames, size), self._engines.logger)
        self._executions[key] = execution
        if len(self._executions) > _EXECUTIONS_KEPT:
            torch.cuda.synchronize()  # it may be running
            del self._executions[next(iter(self._executions))]
        return execution


class _Execution:
    """Runs an engine on brackets of one size.

    Each size has its own context: its shapes must not change once a graph has captured it.
    """

    def __init__(self, engine: Any, shapes: Mapping[str, tuple[int, ...]], logger: Any) -> None:
        """Create the execution context and set its input shapes."""
        import tensorrt

        self._logger = logger
        self._context = engine.create_execution_context(
            tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED)
        self._check(self._context is not None)
        for name, shape in shapes.items():
            self._check(self._context.set_input_shape(name, shape))
        self._bytes = self._context.update_device_memory_size_for_shapes()

    def __call__(self, tensors: Mapping[str, Tensor]) -> None:
        """Run the engine on the current stream; the tensors are its inputs and outputs by name."""
        memory = torch.empty(max(self._bytes, 1), dtype=torch.uint8, device='cuda')
        self._context.set_device_memory(memory.data_ptr(), self._bytes)
        for name, tensor in tensors.items():
            self._check(self._context.set_tensor_address(name, tensor.data_ptr()))
        self._check(self._context.execute_async_v3(torch.cuda.current_stream().cuda_stream))

    def _check(self, done: bool) -> None:
        """Raise RuntimeError, with TensorRT's reason, if a call has failed."""
        if not done:
            raise RuntimeError('expected TensorRT to run its engine, got: '
                               f'{self._logger.error()}; set backend to torch')
