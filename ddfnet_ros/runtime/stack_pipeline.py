# SPDX-License-Identifier: Apache-2.0
"""Any network on any device, from the input stack of Sec. 3.1, in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.flow.providers import FlowProvider
from ddfnet_ros.runtime.bands import Network, in_bands
from ddfnet_ros.runtime.graphs import Graphs
from ddfnet_ros.runtime.guard import apply_guard
from ddfnet_ros.runtime.halo import without_halo
from ddfnet_ros.runtime.pipeline import Prepared
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.rendering import render
from ddfnet_ros.runtime.request import BatchKey
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.runtime.upload import crosses_as_bits, upload_stack
from ddfnet_ros.settings import RadianceSettings


class StackPipeline:
    """From a bracket to its radiance by way of the input stack.

    Attributes:
        model: The network.
        flow: Estimates the motion.
        graphs: CUDA graphs of the network; None where there are none.
    """

    def __init__(
        self, model: Any, flow: FlowProvider, device: torch.device, dtype: torch.dtype,
        cuda_graphs: bool = True,
    ) -> None:
        """Take over what has been chosen.

        Args:
            model: A network that fuses, on the device.
            flow: The flow provider that it was trained with.
            device: Where it runs.
            dtype: Type that torch's convolutions compute in.
            cuda_graphs: Whether a GPU runs the network as CUDA graphs.
        """
        self.model = model
        self.flow = flow
        # A network may know better than torch how a graph of it is captured.
        capture = getattr(model, 'capture', None)
        self.graphs = Graphs(capture) if device.type == 'cuda' and cuda_graphs else None
        self._device = device
        self._dtype = dtype

    def prepare(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
    ) -> Float[Tensor, '1 n 6 h w']:
        """The input stack, on the device."""
        if stage.pins and crosses_as_bits(bracket):
            return upload_stack(bracket, settings, padded, stage)
        return stage.to_device(stack_of(bracket, settings, padded, stage.pins))

    def motion(self, inputs: Float[Tensor, '1 n 6 h w']) -> Float[Tensor, '1 m 2 h w']:
        """As the flow provider estimates it."""
        return self.flow(inputs)

    def radiances(
        self, batch: Sequence[Prepared], key: BatchKey
    ) -> list[Float[Tensor, '3 h w']]:
        """Run the network on all at once; mend and guard each with its own reference."""
        def work(stacks: Tensor, flows: Tensor) -> Tensor:
            radiances = self._run(self.model, stacks, flows, key).float()
            if key.mend_halos:
                each = zip(radiances, stacks.split(1), flows.split(1), strict=True)
                radiances = torch.stack([
                    without_halo(radiance, stack, flow, key.reference_index)
                    for radiance, stack, flow in each])
            return radiances.clamp(min=0)

        stacks = _batched([prepared.inputs for prepared in batch])
        flows = _batched([prepared.motion for prepared in batch])
        if self.graphs is None or key.bands > 1:
            radiances = work(stacks, flows)
        else:
            radiances = self.graphs(key, work, stacks, flows)
        return [apply_guard(radiance, stack[0], prepared.guard)
                for radiance, stack, prepared in zip(radiances, stacks, batch, strict=True)]

    def render(
        self, bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings,
        stage: Stage,
    ) -> tuple[Tensor, Tensor]:
        """With any tone map."""
        return render(bracket, radiance, settings, stage)

    def shares(
        self, inputs: Float[Tensor, '1 n 6 h w'], motion: Float[Tensor, '1 m 2 h w'],
        key: BatchKey,
    ) -> Float[Tensor, 'n h w']:
        """How much of each frame each pixel takes, the reference first.

        Raises:
            ValueError: a network without weights.
        """
        if not hasattr(self.model, 'shares'):
            raise ValueError(f'expected a network with weights, got {type(self.model).__name__}; '
                             'choose another model')
        return self._run(self.model.shares, inputs, motion, key)[0].float()

    def forget(self) -> None:
        """Free memory that only makes the next brackets faster; nothing may be running."""
        if self.graphs is not None:
            self.graphs.forget()

    def _run(self, network: Network, stacks: Tensor, flows: Tensor, key: BatchKey) -> Tensor:
        """Run a network on whole pictures or in bands."""
        low = self._dtype is torch.bfloat16  # of torch's convolutions; OpenVINO has its own
        on_gpu = self._device.type == 'cuda'  # there, weights are cast already (`selection`)
        with torch.autocast(
                self._device.type, torch.bfloat16, enabled=low, cache_enabled=not on_gpu):
            if key.bands == 1:
                return network(stacks, flows, key.reference_index)
            return in_bands(network, stacks, flows, key.reference_index, bands=key.bands,
                            reach=self.model.reach(flows), multiple=self.model.multiple)


def _batched(parts: Sequence[Float[Tensor, '1 ...']]) -> Float[Tensor, 'b ...']:
    """Concatenate along the first dimension; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
