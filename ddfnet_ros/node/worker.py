# SPDX-License-Identifier: Apache-2.0
"""A thread with a one-slot mailbox: slow work never holds up the executor, the latest job wins.

Errands are done between jobs, all of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

Job = TypeVar('Job')


class Worker(Generic[Job]):
    """Does jobs one after the other, and forgets those that a newer one has overtaken."""

    def __init__(
        self, work: Callable[[Job], None], failed: Callable[[Job, Exception], None]
    ) -> None:
        """Start the thread.

        Args:
            work: Called in the thread with each job.
            failed: Called in the thread with a job whose work raised, and what it raised.
        """
        self._work, self._failed = work, failed
        self._mailbox: list[Job] = []
        self._errands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='worker', daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> bool:
        """Leave a job in the mailbox; true if that displaced one which had not been begun."""
        with self._changed:
            displaced = bool(self._mailbox)
            self._mailbox[:] = [job]
            self._changed.notify()
        return displaced

    def do(self, errand: Callable[[], None]) -> None:
        """Have something done in the thread before the next job; it must not raise."""
        with self._changed:
            self._errands.append(errand)
            self._changed.notify()

    def stop(self) -> bool:
        """Wait for the job in progress and all errands; true if a job was left in the mailbox."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        return bool(self._mailbox)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            task()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._mailbox or self._errands or self._stopping)
            if self._errands:
                return self._errands.popleft()
            return None if self._stopping else partial(self._attempt, self._mailbox.pop())

    def _attempt(self, job: Job) -> None:
        try:
            self._work(job)
        except Exception as error:  # one bad job, of whatever kind, must not end the thread
            self._failed(job, error)
