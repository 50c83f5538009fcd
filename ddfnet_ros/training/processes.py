# SPDX-License-Identifier: Apache-2.0
"""Processes that train together, as torchrun starts them; alone, all of this does nothing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class ProcessGroup:
    """All processes that train one network.

    Attributes:
        rank: This one's place among them; rank 0 writes the files.
        size: How many there are.
        device: What this one computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and reports."""
        return self.rank == 0

    def any(self, raised: bool) -> bool:
        """Whether any of them says so; all get the same answer."""
        if self.size == 1:
            return raised
        flag = torch.tensor(float(raised), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    def average(self, gradients: list[Tensor]) -> None:
        """Replace gradients by their mean over all processes.

        Args:
            gradients: Of the same parameters, in the same order, in every process.
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
    """Join the processes that the environment tells of (torchrun's RANK, WORLD_SIZE and so on).

    Args:
        device: 'auto', 'cpu', 'cuda' or such; with several processes each takes its own GPU.
    """
    size = int(os.environ.get('WORLD_SIZE', '1'))
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if size == 1:
        yield ProcessGroup(0, 1, torch.device(device))
        return
    if device == 'cuda':
        device = f'cuda:{os.environ.get("LOCAL_RANK", "0")}'
        torch.cuda.set_device(device)
    # Optimizers import it. Within a group that would keep the group, and its threads, for good.
    importlib.import_module('torch._dynamo')
    dist.init_process_group('gloo' if device == 'cpu' else 'nccl')
    try:
        yield ProcessGroup(dist.get_rank(), size, torch.device(device))
    finally:
        # Its threads have ended after this: one that outlives Python aborts the process.
        dist.destroy_process_group()
