# SPDX-License-Identifier: Apache-2.0
"""Training batches, synthesised on the fly.

The generator of batch `index` depends on (seed, index) alone, so the sequence stays the same when
a run is resumed or the number of workers changes. If n processes train together, process r takes
batch step * n + r: one step of all of them covers n steps of a single process.
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
    """Input and target of one training step.

    Attributes:
        stack: (B, N, 6, H, W) input of the network, the reference first.
        flow: (B, N - 1, 2, H, W) motion [px]; None if a PWC-Net estimates it during training.
        reference_index: Number of frames with a shorter exposure than the reference.
        truth: (B, 3, H, W) radiance relative to the shortest exposure.
    """

    stack: Float[Tensor, 'b n 6 h w']
    flow: Float[Tensor, 'b m 2 h w'] | None
    reference_index: int
    truth: Float[Tensor, 'b 3 h w']

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return self._map_tensors(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch in pinned memory; called by DataLoader."""
        return self._map_tensors(Tensor.pin_memory)

    def first(self) -> Batch:
        """A batch of the first bracket only."""
        return self._map_tensors(lambda tensor: tensor[:1])

    @property
    def true_flow(self) -> Float[Tensor, 'b m 2 h w']:
        """The motion.

        Raises:
            ValueError: the batch has none.
        """
        if self.flow is None:
            raise ValueError('expected a batch with motion, got one without')
        return self.flow

    def _map_tensors(self, function: Callable[[Tensor], Tensor]) -> Batch:
        flow = None if self.flow is None else function(self.flow)
        return replace(self, stack=function(self.stack), flow=flow, truth=function(self.truth))


Draw = Callable[[int, torch.Generator], Batch]
"""Makes a batch from its index and its own random generator."""


class Batches(IterableDataset[Batch]):
    """Endless batches for process number `process` of `processes`, starting at `first_step`."""

    def __init__(
        self, draw: Draw, seed: int, first_step: int = 0, process: int = 0, processes: int = 1
    ) -> None:
        self._draw = draw
        self._seed = seed
        self._first = first_step * processes + process
        self._stride = processes

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        worker_id, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        index = self._first + worker_id * self._stride
        while True:
            yield self.batch(index)
            index += workers * self._stride

    def batch(self, index: int) -> Batch:
        """Make the batch with this index."""
        return self._draw(index, torch.Generator().manual_seed(self._seed * _PRIME + index))


def loader(batches: Batches, workers: int) -> DataLoader[Batch]:
    """Load batches in order with worker processes, each of which computes on one thread.

    Workers come from a fork server: a direct fork would break this process's threads (OpenMP,
    TBB, DDS).
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
    # Only the training process reacts to signals sent to the whole process group: it saves a
    # checkpoint and then ends its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def add_noise(
    ldr: Float[Tensor, 'b n 3 h w'], deviation: float, generator: torch.Generator
) -> Float[Tensor, 'b n 3 h w']:
    """Add i.i.d. Gaussian noise of a random strength for each frame (Sec. 4.2.3).

    Args:
        ldr: Frames in [0, 1]; the result is clamped to that range.
        deviation: Largest standard deviation; each frame's is uniform between 0 and this.
        generator: Random generator of strengths and noise.
    """
    strength = torch.rand((*ldr.shape[:2], 1, 1, 1), generator=generator)
    noise = torch.randn(ldr.shape, generator=generator)
    return (ldr + deviation * strength * noise).clamp(0, 1)
