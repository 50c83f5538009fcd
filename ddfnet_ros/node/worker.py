# SPDX-License-Identifier: Apache-2.0
"""A thread with one-slot mailboxes: slow work never holds up an executor, the latest job wins.

Workers that share a thread take turns. Errands are done between jobs, all of them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

Job = TypeVar('Job')

_log = logging.getLogger(__name__)


class WorkThread:
    """Does one task of each of its workers in turn; runs as long as there are workers.

    Attributes:
        changed: Guards everything here and in the workers; told of every change.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._workers: deque[Worker[Any]] = deque()  # whose turn it is comes first
        self._served: Worker[Any] | None = None
        self._thread: threading.Thread | None = None

    def add(self, worker: Worker[Any]) -> None:
        """Serve one more."""
        with self.changed:
            self._workers.append(worker)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='worker', daemon=True)
                self._thread.start()

    def remove(self, worker: Worker[Any]) -> None:
        """Serve one no more, as soon as it has nothing left to do."""
        with self.changed:
            self.changed.wait_for(lambda: self._served is not worker and worker.idle)
            if worker in self._workers:
                self._workers.remove(worker)
            if self._workers:
                return
            ended, self._thread = self._thread, None
            self.changed.notify_all()
        if ended:
            ended.join()

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except Exception:  # of whatever kind: the other workers need the thread
                _log.exception('a task failed')

    def _next(self) -> Callable[[], None] | None:
        """The task of the worker whose turn it is; None where this thread is to end."""
        with self.changed:
            self._served = None
            self.changed.notify_all()
            while self._thread is threading.current_thread():
                for worker in self._workers:
                    if task := worker.take():
                        self._served = worker
                        self._workers.remove(worker)
                        self._workers.append(worker)
                        return task
                self.changed.wait()
            return None


class Worker(Generic[Job]):
    """Does jobs one after the other, and forgets those that a newer one has overtaken."""

    def __init__(
        self, work: Callable[[Job], None], failed: Callable[[Job, Exception], None],
        thread: WorkThread | None = None,
    ) -> None:
        """Start.

        Args:
            work: Called in the thread with each job.
            failed: Called in the thread with a job whose work raised, and what it raised.
            thread: Shared with other workers; None for one of its own.
        """
        self._work, self._failed = work, failed
        self._mailbox: list[Job] = []
        self._errands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._thread = thread or WorkThread()
        self._thread.add(self)

    def submit(self, job: Job) -> bool:
        """Leave a job in the mailbox; true if that displaced one which had not been begun."""
        with self._thread.changed:
            displaced = bool(self._mailbox)
            self._mailbox[:] = [job]
            self._thread.changed.notify_all()
        return displaced

    def do(self, errand: Callable[[], None]) -> None:
        """Have something done in the thread before the next job; it must not raise."""
        with self._thread.changed:
            self._errands.append(errand)
            self._thread.changed.notify_all()

    def stop(self) -> bool:
        """Wait for the job in progress and all errands; true if a job was left in the mailbox."""
        with self._thread.changed:
            self._stopping = True
        self._thread.remove(self)
        return bool(self._mailbox)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do; to be asked while `changed` is held."""
        return not self._errands and (self._stopping or not self._mailbox)

    def take(self) -> Callable[[], None] | None:
        """What is to be done next, out of the mailbox; to be called while `changed` is held."""
        if self.idle:
            return None
        return self._errands.popleft() if self._errands else partial(
            self._attempt, self._mailbox.pop())

    def _attempt(self, job: Job) -> None:
        try:
            self._work(job)
        except Exception as error:  # one bad job, of whatever kind, must not end the thread
            self._failed(job, error)
