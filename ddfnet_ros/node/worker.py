# SPDX-License-Identifier: Apache-2.0
"""A thread with one-slot mailboxes: slow work never holds up an executor, the latest job wins.

Workers that share a thread take turns. Errands are done between jobs, all of them. What is left to
do of a job once it is begun, each worker does in a thread of its own, while the next is begun.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar

Job = TypeVar('Job')

_log = logging.getLogger(__name__)

Task = Callable[[], None]

_MOST_BEGUN = 2  # jobs of a worker that are not finished: one on its way in, one on its way out


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
            _survive(task)

    def _next(self) -> Task | None:
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
        self, begin: Callable[[Job], Task | None], failed: Callable[[Job, Exception], None],
        thread: WorkThread | None = None,
    ) -> None:
        """Start.

        Args:
            begin: Called in the thread with each job; gives what is left to do of it, or None.
            failed: Called with a job that raised, and what it raised, in the thread where it did.
            thread: Shared with other workers; None for one of its own.
        """
        self._begin, self._failed = begin, failed
        self._mailbox: list[Job] = []
        self._errands: deque[Task] = deque()
        self._begun = 0  # jobs that are not finished
        self._finisher = ThreadPoolExecutor(1, 'finisher')
        self._finisher.submit(int)  # so that its thread is there, or an error before any job
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

    def do(self, errand: Task) -> None:
        """Have something done in the thread before the next job; it must not raise."""
        with self._thread.changed:
            self._errands.append(errand)
            self._thread.changed.notify_all()

    def stop(self) -> bool:
        """Wait for the jobs in progress and all errands; true if a job was left in the mailbox."""
        with self._thread.changed:
            self._stopping = True
        self._thread.remove(self)
        self._finisher.shutdown()
        return bool(self._mailbox)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do; to be asked while `changed` is held."""
        return not self._errands and (self._stopping or not self._mailbox)

    def take(self) -> Task | None:
        """What is to be done next, out of the mailbox; to be called while `changed` is held."""
        if self._errands:
            return self._errands.popleft()
        if self.idle or self._begun == _MOST_BEGUN:
            return None
        return partial(self._attempt, self._mailbox.pop())

    def _attempt(self, job: Job) -> None:
        try:
            rest = self._begin(job)
        except Exception as error:  # one bad job, of whatever kind, must not end the thread
            self._failed(job, error)
            return
        if rest is not None:
            with self._thread.changed:
                self._begun += 1
            self._finisher.submit(_survive, partial(self._finish, job, rest))

    def _finish(self, job: Job, rest: Task) -> None:
        try:
            rest()
        except Exception as error:  # as above
            self._failed(job, error)
        finally:
            with self._thread.changed:
                self._begun -= 1
                self._thread.changed.notify_all()


def _survive(task: Task) -> None:
    """Do something that must not end the thread, which others need too."""
    try:
        task()
    except Exception:
        _log.exception('a task failed')
