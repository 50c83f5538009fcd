# SPDX-License-Identifier: Apache-2.0
"""CUDA graphs: what a network asks of a GPU, kept and asked again at once.

The kernels of a small network or picture take less time than Python needs to name them one by one.
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
"""Gives what some work results in, and what writes it there anew from the same inputs."""

_MOST = 4  # each keeps the memory of a whole run

_log = logging.getLogger(__name__)


class _Thread(threading.local):
    """The thread that asks; its number may be that of another one later."""

    def __init__(self) -> None:
        self.thread = object()


_this = _Thread()


@dataclass(frozen=True)
class _Graph:
    """Work on inputs of one shape.

    Attributes:
        given: Where it looks for its inputs.
        result: Where it leaves what it makes.
        replay: Has it done.
    """

    given: tuple[Tensor, ...]
    result: Tensor
    replay: Callable[[], object]


class Graphs:
    """Work that is captured the second time that it comes with inputs of a shape, then replayed.

    The first time it is done as always: libraries make what they need once in each thread, such as
    cuDNN's handles, and what comes only once costs no capture. So another thread begins anew.
    Where capturing fails, all is done as always from then on; where memory was too short for it,
    only this, until all graphs are forgotten. To be called on one stream.
    """

    def __init__(self, capture: Capture | None = None) -> None:
        """Keep nothing yet.

        Args:
            capture: How; None: as a CUDA graph.
        """
        self._capture = capture or cuda_graph
        self._kept: dict[Hashable, object] = {}  # a graph, or the thread that has done it
        self._too_large: set[Hashable] = set()
        self._able = True

    def __call__(self, name: Hashable, work: Work, *given: Tensor) -> Tensor:
        """What `work(*given)` gives, in memory of its own.

        Args:
            name: Tells work from other work on inputs of the same shapes.
            work: Does the same each time, on the device alone: the host is not asked again.
            given: On the device.
        """
        key = (name, *((tuple(x.shape), x.dtype) for x in given))
        able = self._able and key not in self._too_large
        graph = self._graph(key, work, given) if able else None
        if graph is None:  # with the kernels that a graph would take, as it may be the next
            return work(*(x.contiguous() for x in given))
        for place, x in zip(graph.given, given, strict=True):
            place.copy_(x)
        graph.replay()
        return graph.result.clone()

    def forget(self) -> None:
        """Let go of all graphs and their memory; none may be running."""
        self._kept.clear()
        self._too_large.clear()

    def _graph(self, key: Hashable, work: Work, given: tuple[Tensor, ...]) -> _Graph | None:
        """That of a key, made the second time; the most recent ones are kept."""
        kept = self._kept.pop(key, None)
        graph = kept if isinstance(kept, _Graph) else None
        if kept is _this.thread:
            graph = self._made(key, work, given)
        if self._able and key not in self._too_large:
            self._kept[key] = graph or _this.thread
        if len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return graph

    def _made(self, key: Hashable, work: Work, given: tuple[Tensor, ...]) -> _Graph | None:
        try:
            places = tuple(x.clone(memory_format=torch.contiguous_format) for x in given)
            return _Graph(places, *self._capture(lambda: work(*places)))
        except Exception as error:  # whatever work and drivers raise
            cause = error.__context__ or error  # the other is that the capture had ended before
            self.forget()
            if is_shortage(cause) or is_shortage(error):
                self._too_large.add(key)
            else:
                self._able = False
            _log.warning('no CUDA graph%s, kernels are launched one by one: %s',
                         's' if not self._able else ' of this size',
                         ' '.join(str(cause).split())[:200] or type(cause).__name__)
        return None


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
    """Capture on the current stream, which must not be the device's default one.

    Other threads may go on with the device meanwhile.
    """
    graph: Any = torch.cuda.CUDAGraph()
    pool = torch.cuda.graph_pool_handle()
    stream = torch.cuda.current_stream()
    try:
        with torch.cuda.graph(graph, pool, stream, capture_error_mode='thread_local'):
            result = work()
    except Exception:
        # Torch leaves its allocator capturing where CUDA has given up, and would free nothing more
        # that several streams have used, nor the pool.
        with suppress(RuntimeError, AttributeError):
            torch._C._cuda_endAllocateToPool(stream.device_index, pool)
            torch._C._cuda_releasePool(stream.device_index, pool)
        raise
    return result, graph.replay
