# SPDX-License-Identifier: Apache-2.0
"""A pool of processes on this machine that fuse bags."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from types import TracebackType

from tqdm import tqdm

from ddfnet_ros.bags.fusing import BagJob, Done
from ddfnet_ros.bags.many import Work, WorkerDiedError, fuse_here


class Processes:
    """A pool of processes on this machine."""

    def __init__(self, size: int, work: Work | None = None) -> None:
        """Start the pool.

        Args:
            size: Number of processes.
            work: Function that does a job; None: fuse it.
        """
        self.size, self._work = size, work or fuse_here
        # One executor each: when a process dies, its executor is lost, and the others go on.
        self._idle = [self._new_executor() for _ in range(size)]
        self._busy: dict[Future[Done], ProcessPoolExecutor] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:  # completed parts are on the disk
            for process in active_children():
                process.terminate()
        for executor in [*self._idle, *self._busy.values()]:
            executor.shutdown(cancel_futures=True)

    def start(self, job: BagJob) -> Future[Done]:
        """Start a job on an idle process."""
        executor = self._idle.pop()
        future = executor.submit(self._work, job)
        self._busy[future] = executor
        return future

    def wait_for_any(self, running: Collection[Future[Done]]) -> Future[Done]:
        """Wait until one of the running jobs has ended, and return it."""
        return next(iter(wait(running, return_when=FIRST_COMPLETED).done))

    def result(self, handle: Future[Done]) -> Done:
        """Return the result of an ended job; raises what it raised, or WorkerDiedError."""
        executor = self._busy.pop(handle)
        try:
            done = handle.result()
        except BrokenProcessPool as error:
            executor.shutdown()
            executor = self._new_executor()
            raise WorkerDiedError('its process died; out of memory?') from error
        finally:
            self._idle.append(executor)
        return done

    def _new_executor(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context('spawn'), initializer=_begin)


def _begin() -> None:
    """Prepare this process to be ended at any time."""
    # Else tqdm makes a semaphore, of which Python would complain when this process is ended.
    tqdm.set_lock(threading.RLock())
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process whenever its parent ends; ignore Ctrl-C, which the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def watch() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
