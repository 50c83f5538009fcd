# SPDX-License-Identifier: Apache-2.0
"""CUDA graphs: the kernels of a network are recorded once, then launched all at once.

Kernels of a small network or picture run faster than Python can launch them one by one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ddfnet_ros.runtime.memory import is_shortage

Work = Callable[..., Tensor]
Capture = Callable[[Callable[[], Tensor]], tuple[Tensor, Callable[[], object]]]
"""Does some work; returns its result, and a function that does it again into the same memory."""

_GRAPHS_KEPT = 4  # each holds the memory of a whole run

_log = logging.getLogger(__name__)


class _CurrentThread(threading.local):
    """Has a unique token for each thread; thread numbers are reused, tokens are not."""

    def __init__(self) -> None:
        self.token = object()


_current_thread = _CurrentThread()


@dataclass(frozen=True)
class _Graph:
    """Captured work on inputs of one shape.

    Attributes:
        inputs: Tensors that it reads.
        result: Tensor that it writes.
        replay: Does the work again.
    """

    inputs: tuple[Tensor, ...]
    result: Tensor
    replay: Callable[[], object]


class Graphs:
    """Captures work when it comes a second time with inputs of the same shapes; then replays it.

    The first time, the work runs without a graph: each thread's libraries then create what they
    need once, such as cuDNN's handles, and work that never comes again is not captured. So a
    thread only captures what it has run before itself.

    Where capturing fails, nothing is captured any more. Where memory was too short for it, only
    this work stays without a graph, until `forget`. Call it on one stream only.
    """

    def __init__(self, capture: Capture | None = None) -> None:
        """Start without graphs.

        Args:
            capture: How to capture work; None: with `cuda_graph`.
        """
        self._capture = capture or cuda_graph
        self._kept: dict[Hashable, object] = {}  # a graph, or the token of the thread that ran it
        self._too_large: set[Hashable] = set()
        self._can_capture = True

    def __call__(self, name: Hashable, work: Work, *inputs: Tensor) -> Tensor:
        """Compute `work(*inputs)`; the result has memory of its own.

        Args:
            name: Distinguishes the work from other work on inputs of the same shapes.
            work: Must do the same each time, on the device alone: a replay runs no Python.
            inputs: Tensors on the device.
        """
        key = (name, *((tuple(x.shape), x.dtype) for x in inputs))
        possible = self._can_capture and key not in self._too_large
        graph = self._find_or_capture(key, work, inputs) if possible else None
        if graph is None:  # contiguous, to use the kernels that a graph captured next would use
            return work(*(x.contiguous() for x in inputs))
        for place, x in zip(graph.inputs, inputs, strict=True):
            place.copy_(x)
        graph.replay()
        return graph.result.clone()

    def forget(self) -> None:
        """Free all graphs and their memory; none may be running."""
        self._kept.clear()
        self._too_large.clear()

    def _find_or_capture(
        self, key: Hashable, work: Work, inputs: tuple[Tensor, ...]
    ) -> _Graph | None:
        """The graph of a key, captured the second time; the most recent ones are kept."""
        kept = self._kept.pop(key, None)
        graph = kept if isinstance(kept, _Graph) else None
        if kept is _current_thread.token:
            graph = self._capture_graph(key, work, inputs)
        if self._can_capture and key not in self._too_large:
            self._kept[key] = graph or _current_thread.token
        if len(self._kept) > _GRAPHS_KEPT:
            del self._kept[next(iter(self._kept))]
        return graph

    def _capture_graph(
        self, key: Hashable, work: Work, inputs: tuple[Tensor, ...]
    ) -> _Graph | None:
        """Capture a graph; None, with a warning, where that fails."""
        try:
            places = tuple(x.clone(memory_format=torch.contiguous_format) for x in inputs)
            return _Graph(places, *self._capture(lambda: work(*places)))
        except Exception as error:  # whatever work and drivers raise
            # The error itself may only say that the capture had ended; its context says why.
            cause = error.__context__ or error
            self.forget()
            if is_shortage(cause) or is_shortage(error):
                self._too_large.add(key)
            else:
                self._can_capture = False
            _log.warning('no CUDA graph%s, kernels are launched one by one: %s',
                         's' if not self._can_capture else ' of this size',
                         ' '.join(str(cause).split())[:200] or type(cause).__name__)
        return None


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
    """Capture work as a CUDA graph on the current stream.

    That must not be the device's default stream. Other threads may use the device meanwhile.
    """
    graph: Any = torch.cuda.CUDAGraph()
    pool = torch.cuda.graph_pool_handle()
    stream = torch.cuda.current_stream()
    try:
        with torch.cuda.graph(graph, pool, stream, capture_error_mode='thread_local'):
            result = work()
    except Exception:
        # Where CUDA has given up, torch leaves its allocator in capture mode. It would no longer
        # free memory that several streams have used, nor the pool.
        with suppress(RuntimeError, AttributeError):
            torch._C._cuda_endAllocateToPool(stream.device_index, pool)
            torch._C._cuda_releasePool(stream.device_index, pool)
        raise
    return result, graph.replay
