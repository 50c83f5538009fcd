# SPDX-License-Identifier: Apache-2.0
"""A thread with one-slot mailboxes: slow work never holds up an executor, the latest job wins.

Workers that share a thread take turns, or have their jobs begun together. Errands are done
between jobs, all of them. What is left to do of a job once it is begun, each worker does in a
thread of its own, while the next is begun.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

Job = TypeVar('Job')

_log = logging.getLogger(__name__)

Task = Callable[[], None]

_MOST_BEGUN = 2  # jobs of a worker that are not finished: one on its way in, one on its way out


class Company(NamedTuple):
    """With whom a worker's jobs may be begun together.

    Attributes:
        who: The same object for all of them; they begin jobs in the same way.
        wait: For how long a job that could be begun waits for theirs, at most [s].
    """

    who: object
    wait: float


class WorkThread:
    """Does one task of each of its workers in turn; runs as long as there are workers.

    Attributes:
        changed: Guards everything here and in the workers; told of every change.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._workers: deque[Worker[Any]] = deque()  # whose turn it is comes first
        self._served: Sequence[Worker[Any]] = ()
        self._thread: threading.Thread | None = None

    def add(self, worker: Worker[Any]) -> None:
        """Serve one more."""
        with self.changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name='worker', daemon=True)
                thread.start()  # waits for `changed`
                self._thread = thread
            self._workers.append(worker)

    def remove(self, worker: Worker[Any]) -> None:
        """Serve one no more, as soon as it has nothing left to do."""
        with self.changed:
            self.changed.wait_for(lambda: worker not in self._served and worker.idle)
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
        """The task of those whose turn it is; None where this thread is to end."""
        with self.changed:
            self._serve()
            while self._thread is threading.current_thread():
                waits = []
                for worker in self._workers:
                    if errand := worker.take_errand():
                        self._serve(worker)
                        return errand
                    if worker.ready:
                        together, wait = self._together(worker)
                        if wait <= 0:
                            self._serve(*together)
                            return partial(_begin, [(each, each.take()) for each in together])
                        waits.append(wait)
                self.changed.wait(min(waits, default=None))
            return None

    def _together(self, worker: Worker[Any]) -> tuple[list[Worker[Any]], float]:
        """Those whose jobs are begun with a worker's, and how long it still waits for others."""
        company = worker.company()
        if company is None:
            return [worker], 0.0
        others = [other for other in self._workers if other is not worker
                  and (its := other.company()) and its.who is company.who]
        ready = [other for other in others if other.ready]
        left = worker.ready_since + company.wait - time.monotonic()
        return [worker, *ready], left if len(ready) < len(others) else 0.0

    def _serve(self, *workers: Worker[Any]) -> None:
        """Note who is served; they are the last to be served again."""
        self._served = workers
        for worker in workers:
            self._workers.remove(worker)
            self._workers.append(worker)
        self.changed.notify_all()


class Worker(Generic[Job]):
    """Does jobs one after the other, and forgets those that a newer one has overtaken.

    Attributes:
        ready_since: When the job in the mailbox, or one before it there, could first be begun, by
            the monotonic clock [s].
    """

    def __init__(
        self, begin: Callable[[Sequence[Job]], Sequence[Task | None]],
        failed: Callable[[Job, Exception], None], thread: WorkThread | None = None,
        company: Callable[[], Company | None] = lambda: None,
    ) -> None:
        """Start.

        Args:
            begin: Called in the thread with a job, or with those of workers in company; gives
                what is left to do of each, or None. Where it raises with several, it is called
                again with each of them.
            failed: Called with a job that raised, and what it raised, in the thread where it did.
            thread: Shared with other workers; None for one of its own.
            company: Tells with whom jobs may be begun together; None: with nobody. Asked while
                `changed` is held.
        """
        self.begin, self.failed, self.company = begin, failed, company
        self._mailbox: list[Job] = []
        self._errands: deque[Task] = deque()
        self._begun = 0  # jobs that are not finished
        self._finisher = ThreadPoolExecutor(1, 'finisher')
        self._finisher.submit(int)  # so that its thread is there, or an error before any job
        self._stopping = False
        self.ready_since = time.monotonic()
        self._thread = thread or WorkThread()
        self._thread.add(self)

    def submit(self, job: Job) -> bool:
        """Leave a job in the mailbox; true if that displaced one which had not been begun."""
        with self._thread.changed:
            displaced = bool(self._mailbox)
            if not displaced:
                self.ready_since = time.monotonic()
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

    @property
    def ready(self) -> bool:
        """Whether a job can be begun; to be asked likewise."""
        return bool(self._mailbox) and not self._stopping and self._begun < _MOST_BEGUN

    def take(self) -> Job:
        """The job in the mailbox; to be called likewise, when ready."""
        return self._mailbox.pop()

    def take_errand(self) -> Task | None:
        """What is to be done before the next job; to be called likewise."""
        return self._errands.popleft() if self._errands else None

    def hand_on(self, job: Job, rest: Task) -> None:
        """Have the rest of a job done while the thread goes on."""
        with self._thread.changed:
            self._begun += 1
        self._finisher.submit(_survive, partial(self._finish, job, rest))

    def _finish(self, job: Job, rest: Task) -> None:
        try:
            rest()
        except Exception as error:  # one bad job, of whatever kind, must not end the thread
            self.failed(job, error)
        finally:
            with self._thread.changed:
                if self._begun == _MOST_BEGUN:
                    self.ready_since = time.monotonic()
                self._begun -= 1
                self._thread.changed.notify_all()


def _begin(jobs: Sequence[tuple[Worker[Any], Any]]) -> None:
    """Begin the jobs of one or several workers; each by itself where they cannot be together."""
    try:
        rests = jobs[0][0].begin([job for _, job in jobs])
    except Exception as error:  # as above
        if len(jobs) == 1:
            jobs[0][0].failed(jobs[0][1], error)
            return
        rests = None
    if rests is None:  # not before: the error's traceback holds what was made
        for one in jobs:
            _survive(partial(_begin, [one]))
        return
    for (worker, job), rest in zip(jobs, rests, strict=True):
        if rest is not None:
            worker.hand_on(job, rest)


def _survive(task: Task) -> None:
    """Do something that must not end the thread, which others need too."""
    try:
        task()
    except Exception:
        _log.exception('a task failed')
