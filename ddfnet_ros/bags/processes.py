# SPDX-License-Identifier: Apache-2.0
"""A pool for many bags: processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from types import TracebackType

from ddfnet_ros.bags.fusing import BagJob, Done
from ddfnet_ros.bags.many import Work, WorkerDiedError, fuse_here


class Processes:
    """A pool of processes on this machine."""

    def __init__(self, size: int, work: Work | None = None) -> None:
        """Say how many.

        Args:
            size: Processes.
            work: What each does with a job; None: fuse it.
        """
        self.size, self._work = size, work or fuse_here
        # One executor each: when a process dies, its executor is lost, and the others go on.
        self._idle = [self._new() for _ in range(size)]
        self._busy: dict[Future[Done], ProcessPoolExecutor] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:  # what they have done so far lies on the disk
            for process in active_children():
                process.terminate()
        for executor in [*self._idle, *self._busy.values()]:
            executor.shutdown(cancel_futures=True)

    def start(self, job: BagJob) -> Future[Done]:
        """Begin a job."""
        executor = self._idle.pop()
        future = executor.submit(self._work, job)
        self._busy[future] = executor
        return future

    def first(self, running: Collection[Future[Done]]) -> Future[Done]:
        """Wait for any."""
        return next(iter(wait(running, return_when=FIRST_COMPLETED).done))

    def result(self, handle: Future[Done]) -> Done:
        """What became of it."""
        executor = self._busy.pop(handle)
        try:
            done = handle.result()
        except BrokenProcessPool as error:
            executor.shutdown()
            executor = self._new()
            raise WorkerDiedError('its process died; out of memory?') from error
        finally:
            self._idle.append(executor)
        return done

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context('spawn'), initializer=_depend_on_parent)


def _depend_on_parent() -> None:
    """Have this process end when the one that began it does, however, and not by Ctrl-C before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def watch() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
