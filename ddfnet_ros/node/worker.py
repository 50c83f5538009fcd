# SPDX-License-Identifier: Apache-2.0
"""A thread with one-slot mailboxes: slow work never holds up an executor, the latest job wins.

Workers that share a thread take turns, or start their jobs as one batch. Between jobs the thread
runs the tasks it was given, all of them. The rest of a job, once it is started, runs in a thread
of its worker's own, while the thread starts the next.
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

_MOST_UNFINISHED = 2  # jobs of a worker: one on its way in, one on its way out


class BatchGroup(NamedTuple):
    """Workers whose jobs may be started as one batch.

    Attributes:
        key: Equal for all of them; they start jobs by the same function.
        wait: How long a job that is ready waits for the jobs of the others, at most [s].
    """

    key: object
    wait: float


class WorkThread:
    """Serves its workers in turn; runs as long as there are any.

    Attributes:
        changed: Guards everything here and in the workers; notified of every change.
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
        """Wait for something to do; None where this thread is to end."""
        with self.changed:
            self._serve()
            while self._thread is threading.current_thread():
                task, wait = self._pick()
                if task:
                    return task
                self.changed.wait(wait)
            return None

    def _pick(self) -> tuple[Task | None, float | None]:
        """What to do now, or None and the seconds until that may change by itself."""
        waits = []
        for worker in self._workers:
            if task := worker.take_task():
                self._serve(worker)
                return task, None
            if not worker.ready:
                continue
            batch, wait = self._batch_with(worker)
            if wait <= 0:
                self._serve(*batch)
                return partial(_start, [(each, each.take()) for each in batch]), None
            waits.append(wait)
        return None, min(waits, default=None)

    def _batch_with(self, worker: Worker[Any]) -> tuple[list[Worker[Any]], float]:
        """The ready workers of its batch group, and how long [s] it still waits for the others."""
        group = worker.batch_group()
        if group is None:
            return [worker], 0.0
        others = [other for other in self._workers if other is not worker
                  and (its := other.batch_group()) and its.key is group.key]
        ready = [other for other in others if other.ready]
        left = worker.ready_since + group.wait - time.monotonic()
        return [worker, *ready], left if len(ready) < len(others) else 0.0

    def _serve(self, *workers: Worker[Any]) -> None:
        """Note who is served now; they queue up behind all others."""
        self._served = workers
        for worker in workers:
            self._workers.remove(worker)
            self._workers.append(worker)
        self.changed.notify_all()


class Worker(Generic[Job]):
    """Does jobs one after the other, and drops those that a newer one has overtaken.

    `idle`, `ready`, `take` and `take_task` are for the thread, which holds `changed`.

    Attributes:
        ready_since: Since when a job has been in the mailbox that could be started, by the
            monotonic clock [s].
    """

    def __init__(
        self, start: Callable[[Sequence[Job]], Sequence[Task | None]],
        failed: Callable[[Job, Exception], None], thread: WorkThread | None = None,
        batch_group: Callable[[], BatchGroup | None] = lambda: None,
    ) -> None:
        """Start.

        Args:
            start: Called in the thread with a job, or with those of a batch; returns the rest of
                each, or None. Where it raises with several, it is called again with each alone.
            failed: Called with a job and the exception that it raised, in the thread that raised.
            thread: Shared with other workers; None for one of its own.
            batch_group: Returns whose jobs may join the batch; None: nobody's. Called while
                `changed` is held.
        """
        self.start, self.failed, self.batch_group = start, failed, batch_group
        self._mailbox: list[Job] = []
        self._tasks: deque[Task] = deque()
        self._unfinished = 0  # jobs that are started
        self._finisher = ThreadPoolExecutor(1, 'finisher')
        self._finisher.submit(int)  # so that its thread is there, or an error before any job
        self._stopping = False
        self.ready_since = time.monotonic()
        self._thread = thread or WorkThread()
        self._thread.add(self)

    def submit(self, job: Job) -> bool:
        """Put a job into the mailbox; true if that displaced one which had not been started."""
        with self._thread.changed:
            displaced = bool(self._mailbox)
            if not displaced:
                self.ready_since = time.monotonic()
            self._mailbox[:] = [job]
            self._thread.changed.notify_all()
        return displaced

    def do(self, task: Task) -> None:
        """Run a task in the thread before the next job; it must not raise."""
        with self._thread.changed:
            self._tasks.append(task)
            self._thread.changed.notify_all()

    def stop(self) -> bool:
        """Wait for the jobs in progress and all tasks; true if a job was left in the mailbox."""
        with self._thread.changed:
            self._stopping = True
        self._thread.remove(self)
        self._finisher.shutdown()
        return bool(self._mailbox)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._tasks and (self._stopping or not self._mailbox)

    @property
    def ready(self) -> bool:
        """Whether a job can be started."""
        return bool(self._mailbox) and not self._stopping and self._unfinished < _MOST_UNFINISHED

    def take(self) -> Job:
        """Take the job out of the mailbox; only when ready."""
        return self._mailbox.pop()

    def take_task(self) -> Task | None:
        """Take the next task, if there is one."""
        return self._tasks.popleft() if self._tasks else None

    def finish_later(self, job: Job, rest: Task) -> None:
        """Run the rest of a job while the thread goes on."""
        with self._thread.changed:
            self._unfinished += 1
        self._finisher.submit(_survive, partial(self._finish, job, rest))

    def _finish(self, job: Job, rest: Task) -> None:
        try:
            rest()
        except Exception as error:  # one bad job, of whatever kind, must not end the thread
            self.failed(job, error)
        finally:
            with self._thread.changed:
                if self._unfinished == _MOST_UNFINISHED:
                    self.ready_since = time.monotonic()
                self._unfinished -= 1
                self._thread.changed.notify_all()


def _start(jobs: Sequence[tuple[Worker[Any], Any]]) -> None:
    """Start the jobs of one or several workers; each alone where they fail as a batch."""
    try:
        rests = jobs[0][0].start([job for _, job in jobs])
    except Exception as error:  # of any kind: the thread must go on
        if len(jobs) == 1:
            jobs[0][0].failed(jobs[0][1], error)
            return
        rests = None
    if rests is None:  # not in the except: the error's traceback holds memory
        for one in jobs:
            _survive(partial(_start, [one]))
        return
    for (worker, job), rest in zip(jobs, rests, strict=True):
        if rest is not None:
            worker.finish_later(job, rest)


def _survive(task: Task) -> None:
    """Run a task that must not end the thread, which others need too."""
    try:
        task()
    except Exception:
        _log.exception('a task failed')
