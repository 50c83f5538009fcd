# SPDX-License-Identifier: Apache-2.0
"""Training batches, made while they are needed.

Batch `index` is drawn from a generator seeded by (seed, index) alone: a resumed run, and one with
another number of workers, sees the same sequence. Where several processes train together, process
r of n takes batch step * n + r: together they see in one step what one alone sees in n.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ddfnet_ros.runtime.memory import keep_freed_memory

_PRIME = 1_000_003


@dataclass(frozen=True)
class Batch:
    """What one training step needs.

    Attributes:
        stack: (B, N, 6, H, W) input of the network, the reference first.
        flow: (B, N - 1, 2, H, W) motion [px]; None where a network in training estimates it.
        reference_index: How many frames are shorter than the reference.
        truth: (B, 3, H, W) radiance relative to the shortest exposure.
    """

    stack: Float[Tensor, 'b n 6 h w']
    flow: Float[Tensor, 'b m 2 h w'] | None
    reference_index: int
    truth: Float[Tensor, 'b 3 h w']

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch where a GPU can fetch it by itself; DataLoader asks for it."""
        return self._each(Tensor.pin_memory)

    def first(self) -> Batch:
        """Its first bracket alone."""
        return self._each(lambda tensor: tensor[:1])

    @property
    def true_flow(self) -> Float[Tensor, 'b m 2 h w']:
        """The motion, where there must be one."""
        if self.flow is None:
            raise ValueError('expected a batch with motion, got one without')
        return self.flow

    def _each(self, move: Callable[[Tensor], Tensor]) -> Batch:
        flow = None if self.flow is None else move(self.flow)
        return replace(self, stack=move(self.stack), flow=flow, truth=move(self.truth))


Draw = Callable[[int, torch.Generator], Batch]
"""Makes the batch of an index from a generator of its own."""


class Batches(IterableDataset[Batch]):
    """Endless batches from `first_step` on, for one of `processes` that train together."""

    def __init__(
        self, draw: Draw, seed: int, first_step: int = 0, process: int = 0, processes: int = 1
    ) -> None:
        self._draw = draw
        self._seed = seed
        self._first = first_step * processes + process
        self._stride = processes

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        mine, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        index = self._first + mine * self._stride
        while True:
            yield self.batch(index)
            index += workers * self._stride

    def batch(self, index: int) -> Batch:
        """The batch of one index."""
        return self._draw(index, torch.Generator().manual_seed(self._seed * _PRIME + index))


def loader(batches: Batches, workers: int) -> DataLoader[Batch]:
    """Batches from worker processes, in order; each worker computes on one thread.

    Workers are not forked from this process: its threads (OpenMP, TBB, DDS) would not survive.
    """
    return DataLoader(
        batches, batch_size=None, num_workers=workers,
        multiprocessing_context='forkserver' if workers else None,
        worker_init_fn=_prepare_worker, prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _prepare_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    # A signal to the whole process group is for the process that trains: it saves, and ends us.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def add_noise(
    ldr: Float[Tensor, 'b n 3 h w'], deviation: float, generator: torch.Generator
) -> Float[Tensor, 'b n 3 h w']:
    """Add i.i.d. Gaussian noise, in a random proportion for each frame (Sec. 4.2.3).

    Args:
        ldr: Frames in [0, 1]; so is what comes back.
        deviation: Standard deviation at the proportion 1; proportions are uniform in [0, 1].
        generator: Source of proportions and noise.
    """
    proportion = torch.rand((*ldr.shape[:2], 1, 1, 1), generator=generator)
    noise = torch.randn(ldr.shape, generator=generator)
    return (ldr + deviation * proportion * noise).clamp(0, 1)
