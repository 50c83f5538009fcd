# SPDX-License-Identifier: Apache-2.0
"""Stages: steps of the way that a GPU does one beside the other, told from top to bottom.

    with upload.after():
        stack = upload.hand_over(upload.to_device(host), network)
    with network.after(upload):
        radiance = network.hand_over(model(stack), download)
    with download.after(network):
        result = download.to_host(radiance)
    download.wait()

Each has a CUDA stream of its own, whose work begins when the stages before are done; the host runs
ahead until it waits, once. On a CPU a stage is only a name and a clock. Not run on a GPU yet.
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
    """One step for one bracket; for the next that comes before this is done there is `again`.

    Attributes:
        name: What its time is told under.
        host_ms: Milliseconds that the host took to ask for it; on a CPU, to do it.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        """Make its stream.

        Args:
            name: Such as 'network'.
            device: Where it runs.
        """
        self.name = name
        self._device = device
        # What is small goes before the network of another bracket, which fills the device.
        self._stream = (torch.cuda.Stream(device, priority=0 if name == 'network' else -1)
                        if device.type == 'cuda' else None)
        self._start_clock()

    def again(self) -> Stage:
        """The same step for another bracket: on the same stream, with a clock of its own."""
        other = copy(self)
        other._start_clock()
        return other

    @property
    def pins(self) -> bool:
        """Whether what it copies shall be pinned on the host."""
        return self._stream is not None

    @property
    def ms(self) -> float:
        """Milliseconds that it took on its device; known when it is done."""
        return self._begun.elapsed_time(self._done) if self._stream else self.host_ms

    def _start_clock(self) -> None:
        self.host_ms = 0.0
        if self._stream is not None:
            self._begun, self._done = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    @contextmanager
    def after(self, *earlier: Stage) -> Iterator[None]:
        """Enter it: what the body of a `with` asks of the device waits for earlier stages."""
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
        """Let later stages use a tensor of this one: its memory is not given away before.

        What is made on the host may be anything.
        """
        for stage in later:
            if stage._stream is not None and isinstance(result, Tensor):
                result.record_stream(stage._stream)
        return result

    def to_device(self, host: Tensor) -> Tensor:
        """Copy to the device; the host goes on meanwhile if `host` is pinned."""
        return host.to(self._device, non_blocking=True)

    def to_host(self, tensor: Tensor) -> Tensor:
        """Copy to the host, there once this stage is done; what lies there already is not copied.

        Torch keeps pinned memory for the next copy, as soon as nobody holds or writes it.
        """
        if self._stream is None:
            return tensor
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return host.copy_(tensor, non_blocking=True)

    def wait(self) -> None:
        """Wait until it is done."""
        if self._stream is not None:
            self._done.synchronize()
