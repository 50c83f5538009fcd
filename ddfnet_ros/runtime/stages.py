# SPDX-License-Identifier: Apache-2.0
"""Stages: steps that a GPU runs side by side, written from top to bottom.

    with upload.after():
        stack = upload.hand_over(upload.to_device(host), network)
    with network.after(upload):
        radiance = network.hand_over(model(stack), download)
    with download.after(network):
        result = download.to_host(radiance)
    download.wait()

Each stage has its own CUDA stream, whose work begins when the stages named in `after` are done.
The host runs ahead and waits once. On a CPU a stage is only a name and a clock. Not run on a GPU
yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TypeVar

import torch
from torch import Tensor

Result = TypeVar('Result')


class Stage:
    """One step of the pipeline for one bracket; `again` makes the step for another bracket.

    Attributes:
        name: Name that its time is reported under.
        host_ms: Milliseconds that the host took to queue the work; on a CPU, to do it.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        """Create the stage's stream.

        Args:
            name: Name such as 'network'.
            device: Device that it runs on.
        """
        self.name = name
        self._device = device
        # Small stages go before the network of another bracket, which fills the device.
        self._stream = (torch.cuda.Stream(device, priority=0 if name == 'network' else -1)
                        if device.type == 'cuda' else None)
        self._start_clock()

    def again(self) -> Stage:
        """The same step for another bracket: the same stream, with its own clock."""
        other = copy(self)
        other._start_clock()
        return other

    @property
    def pins(self) -> bool:
        """Whether host memory that it copies should be pinned."""
        return self._stream is not None

    @property
    def ms(self) -> float:
        """Milliseconds that the stage took on its device; known once it is done."""
        return self._begun.elapsed_time(self._done) if self._stream else self.host_ms

    def _start_clock(self) -> None:
        """Reset the time; on a GPU, create the events that measure it."""
        self.host_ms = 0.0
        if self._stream is not None:
            self._begun, self._done = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    @contextmanager
    def after(self, *earlier: Stage) -> Iterator[None]:
        """Enter the stage: device work of the `with` body waits for the earlier stages."""
        start = time.perf_counter()
        if self._stream is None:
            yield
        else:
            for stage in earlier:
                self._stream.wait_event(stage._done)
            with torch.cuda.stream(self._stream), torch.cuda.nvtx.range(self.name):
                self._begun.record()
                yield
                self._done.record()
        self.host_ms = (time.perf_counter() - start) * 1e3

    def hand_over(self, result: Result, *later: Stage) -> Result:
        """Let later stages use a tensor: its memory is not reused before they are done with it.

        A result that is not a tensor is on the host and needs nothing.
        """
        for stage in later:
            if stage._stream is not None and isinstance(result, Tensor):
                result.record_stream(stage._stream)
        return result

    def to_device(self, host: Tensor) -> Tensor:
        """Copy to the device; the host does not wait if `host` is pinned."""
        return host.to(self._device, non_blocking=True)

    def to_host(self, tensor: Tensor) -> Tensor:
        """Copy to the host, complete once this stage is done; on a CPU there is nothing to copy.

        Torch reuses pinned memory for the next copy once nothing refers to it or writes into it.
        """
        if self._stream is None:
            return tensor
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return host.copy_(tensor, non_blocking=True)

    def wait(self) -> None:
        """Wait until the stage is done."""
        if self._stream is not None:
            self._done.synchronize()
