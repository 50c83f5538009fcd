# SPDX-License-Identifier: Apache-2.0
"""Training batches, made while they are needed.

Batch `step` is drawn from a generator seeded by (seed, step) alone: a resumed run, and one with
another number of workers, sees the same sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ddfnet_ros.flow.dis import DISFlow
from ddfnet_ros.radiance import input_stack
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource

_PRIME = 1_000_003


@dataclass(frozen=True)
class Batch:
    """What one training step needs.

    Attributes:
        stack: (B, N, 6, H, W) input of the network, the reference first.
        flow: (B, N - 1, 2, H, W) estimated motion [px].
        reference_index: How many frames are shorter than the reference.
        truth: (B, 3, H, W) radiance relative to the shortest exposure.
    """

    stack: Float[Tensor, 'b n 6 h w']
    flow: Float[Tensor, 'b m 2 h w']
    reference_index: int
    truth: Float[Tensor, 'b 3 h w']

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = (x.to(device, non_blocking=True) for x in (self.stack, self.flow, self.truth))
        stack, flow, truth = moved
        return replace(self, stack=stack, flow=flow, truth=truth)


class SceneBatches(IterableDataset[Batch]):
    """Endless batches of random scenes from `first_step` on."""

    def __init__(
        self, source: SceneSource, batch_size: int, seed: int, first_step: int = 0
    ) -> None:
        self._source = source
        self._batch_size = batch_size
        self._seed = seed
        self._first_step = first_step
        self._flow = DISFlow()

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        start, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        step = self._first_step + start
        while True:
            yield self.batch(step)
            step += stride

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        generator = torch.Generator().manual_seed(self._seed * _PRIME + step)
        settings = _vary(self._source.settings, generator)
        source = SceneSource(self._source.panoramas, settings, self._source.cutouts)
        count = max(1, self._batch_size * self._source.settings.frames // settings.frames)
        scenes = source.draw(count, generator)
        stack = input_stack(scenes.ldr, scenes.exposure)
        return Batch(stack, self._flow(stack), scenes.reference_index, scenes.truth)


def loader(batches: SceneBatches, workers: int) -> DataLoader[Batch]:
    """Batches from worker processes, in order; each worker computes on one thread."""
    return DataLoader(
        batches, batch_size=None, num_workers=workers,
        worker_init_fn=_use_one_thread, prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _use_one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def _vary(settings: SceneSettings, generator: torch.Generator) -> SceneSettings:
    """Now and then another number of frames, another reference, or motion blur."""
    u = torch.rand(4, generator=generator).tolist()
    if u[0] < 0.25:
        frames = 2 + int(u[1] * 5)
        top = settings.ratios[1] ** min(1.0, 2 / (frames - 1))
        settings = replace(settings, frames=frames, ratios=(min(2.0, top), top))
    if u[2] < 0.1:
        settings = replace(settings, reference_index=int(u[1] * 97) % settings.frames)
    return replace(settings, instants=3) if u[3] < 0.25 else settings
