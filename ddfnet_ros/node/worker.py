# SPDX-License-Identifier: Apache-2.0
"""A thread with a one-slot mailbox: slow work never holds up the executor, the latest job wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
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

    def stop(self) -> bool:
        """Wait for the job in progress; true if another was left in the mailbox, undone."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        return bool(self._mailbox)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._work(job)
            except Exception as error:  # one bad job, of whatever kind, must not end the thread
                self._failed(job, error)

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._mailbox or self._stopping)
            return None if self._stopping else self._mailbox.pop()
