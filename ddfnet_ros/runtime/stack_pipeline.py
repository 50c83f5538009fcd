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
from ddfnet_ros.runtime.guard import Guard, guarded
from ddfnet_ros.runtime.halo import without_halo
from ddfnet_ros.runtime.preparation import stack_of
from ddfnet_ros.runtime.shown import shown_of
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.runtime.upload import crosses_as_bits, uploaded_stack
from ddfnet_ros.settings import RadianceSettings


class StackPipeline:
    """From a bracket to its radiance, step by step; each may run on a stream of its own.

    Attributes:
        model: The network.
        flow: What estimates the motion.
        bands: In how many bands of rows the network runs, one after the other.
        replays: Whether the network's work is given to `graphs` where it runs in one.
        graphs: On a GPU, that keeps it.
    """

    def __init__(
        self, model: Any, flow: FlowProvider, device: torch.device, dtype: torch.dtype
    ) -> None:
        """Take over what has been chosen.

        Args:
            model: A network that fuses, on the device.
            flow: That it was trained with.
            device: Where it runs.
            dtype: What torch's convolutions are computed in.
        """
        self.bands = 1
        self.replays = True
        # A network may know better than torch what a graph of it needs.
        capture = getattr(model, 'capture', None)
        self.graphs = Graphs(capture) if device.type == 'cuda' else None
        self.model = model
        self.flow = flow
        self._device = device
        self._dtype = dtype

    def given(
        self, bracket: Bracket, settings: RadianceSettings, padded: tuple[int, int], stage: Stage
    ) -> Float[Tensor, '1 n 6 h w']:
        """The input stack, on the device."""
        if stage.pins and crosses_as_bits(bracket):
            return uploaded_stack(bracket, settings, padded, stage)
        return stage.to_device(stack_of(bracket, settings, padded, stage.pins))

    def motion(self, given: Float[Tensor, '1 n 6 h w']) -> Float[Tensor, '1 m 2 h w']:
        """As the flow provider finds it."""
        return self.flow(given)

    def radiances(
        self, given: Sequence[Float[Tensor, '1 n 6 h w']],
        motion: Sequence[Float[Tensor, '1 m 2 h w']], reference_index: int, mend_halos: bool,
        guards: Sequence[Guard],
    ) -> list[Float[Tensor, '3 h w']]:
        """What the network gives for all at once, each mended and held to its own reference."""
        def work(stack: Tensor, flow: Tensor) -> Tensor:
            radiance = self._run(self.model, stack, flow, reference_index).float()
            if mend_halos:
                each = zip(radiance, stack.split(1), flow.split(1), strict=True)
                radiance = _batch([without_halo(own, frames, moves, reference_index)[None]
                                   for own, frames, moves in each])
            return radiance.clamp(min=0)

        stacks, flows = _batch(given), _batch(motion)
        if self.graphs is None or not self.replays or self.bands > 1:
            radiances = work(stacks, flows)
        else:
            radiances = self.graphs((reference_index, mend_halos), work, stacks, flows)
        return [guarded(radiance, stack[0], guard) for radiance, stack, guard in zip(
            radiances, stacks, guards, strict=True)]

    def forget(self) -> None:
        """Let go of what only makes the next brackets faster; nothing may be running."""
        if self.graphs is not None:
            self.graphs.forget()

    def shown(
        self, bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings,
        stage: Stage,
    ) -> tuple[Tensor, Tensor]:
        """With any tone map."""
        return shown_of(bracket, radiance, settings, stage)

    def shares(
        self, given: Float[Tensor, '1 n 6 h w'], motion: Float[Tensor, '1 m 2 h w'],
        reference_index: int,
    ) -> Float[Tensor, 'n h w']:
        """How much of each frame each pixel takes, the reference first.

        Raises:
            ValueError: a network without weights.
        """
        if not hasattr(self.model, 'shares'):
            raise ValueError(f'expected a network with weights, got {type(self.model).__name__}; '
                             'choose another model')
        return self._run(self.model.shares, given, motion, reference_index)[0].float()

    def _run(self, run: Network, stack: Tensor, motion: Tensor, reference_index: int) -> Tensor:
        """What the network gives, made at once or in bands."""
        low = self._dtype is torch.bfloat16  # of torch's convolutions; OpenVINO has its own
        once = self._device.type == 'cuda'  # there, weights are cast already (`selection.lowered`)
        with torch.autocast(
                self._device.type, torch.bfloat16, enabled=low, cache_enabled=not once):
            if self.bands == 1:
                return run(stack, motion, reference_index)
            return in_bands(run, stack, motion, reference_index, bands=self.bands,
                            reach=self.model.reach(motion), multiple=self.model.multiple)


def _batch(parts: Sequence[Float[Tensor, '1 ...']]) -> Float[Tensor, 'b ...']:
    """Along the first dimension; one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
