# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training in processes that torchrun starts; a single process needs none of it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ddfnet_ros.runtime.selection import choose_device


@dataclass(frozen=True)
class ProcessGroup:
    """All processes that train one network.

    Attributes:
        rank: Number of this process; rank 0 writes the files.
        size: Number of processes.
        device: Device of this process.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def any(self, raised: bool) -> bool:
        """Whether `raised` is true in any process; all get the same answer."""
        if self.size == 1:
            return raised
        flag = torch.tensor(float(raised), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    def average(self, gradients: list[Tensor]) -> None:
        """Replace gradients by their mean over all processes.

        Args:
            gradients: Gradients of the same parameters in the same order in every process;
                changed in place.
        """
        if self.size == 1:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        means = flat.split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient) / self.size)


@contextmanager
def join(device: str) -> Iterator[ProcessGroup]:
    """Join the process group that torchrun's environment variables describe (WORLD_SIZE etc.).

    Args:
        device: Torch device, or 'auto'; with several processes on 'cuda' each takes its own GPU.

    Raises:
        ValueError: there is no such device.
    """
    size = int(os.environ.get('WORLD_SIZE', '1'))
    try:
        chosen = choose_device(device)
        if size > 1 and chosen == torch.device('cuda'):
            chosen = choose_device(f'cuda:{os.environ.get("LOCAL_RANK", "0")}')
    except ValueError as error:
        raise ValueError(f'--{error}') from error
    if size == 1:
        yield ProcessGroup(0, 1, chosen)
        return
    if chosen.type == 'cuda':
        torch.cuda.set_device(chosen)
    # Optimizers import this module later. Imported within a process group, it would keep the
    # group and its threads alive for good.
    importlib.import_module('torch._dynamo')
    dist.init_process_group('gloo' if chosen.type == 'cpu' else 'nccl')
    try:
        yield ProcessGroup(dist.get_rank(), size, chosen)
    finally:
        # This ends the group's threads: one that outlives Python would abort the process.
        dist.destroy_process_group()
