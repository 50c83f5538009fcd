# SPDX-License-Identifier: Apache-2.0
"""Fuse many bags by the workers of a pool.

A worker keeps its network loaded from bag to bag. If a worker dies, its bag is started again on
another one, which continues from the completed parts.
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any, Protocol

from ddfnet_ros.bags.fusing import BagJob, Done, Fuse, fuse_bag
from ddfnet_ros.settings import DeghosterSettings

Work = Callable[[BagJob], Done]
Outcome = Done | Exception


class WorkerDiedError(RuntimeError):
    """The process that worked on a bag has died."""


class Pool(Protocol):
    """Interface: runs jobs in `Processes` of this machine or in `RayActors` of a cluster.

    Attributes:
        size: Number of jobs that run at a time.
    """

    size: int

    def start(self, job: BagJob) -> Hashable:
        """Start a job on an idle worker and return its handle."""

    def wait_for_any(self, running: Collection[Any]) -> Any:
        """Wait until one of the running jobs has ended, and return its handle."""

    def result(self, handle: Any) -> Done:
        """Return the result of an ended job; raises what the job raised, or WorkerDiedError."""


def run_all(jobs: Iterable[BagJob], pool: Pool, retries: int,
            report: Callable[[BagJob, Outcome], object]) -> None:
    """Run all jobs.

    Args:
        jobs: Jobs in the order in which they are started.
        pool: Pool that runs them.
        retries: How often a job is started again after its worker died.
        report: Called once for each job with its result or its error.
    """
    waiting = deque((job, retries) for job in jobs)
    running: dict[Any, tuple[BagJob, int]] = {}
    while waiting or running:
        while waiting and len(running) < pool.size:
            job, left = waiting.popleft()
            running[pool.start(job)] = job, left
        handle = pool.wait_for_any(running)
        job, left = running.pop(handle)
        try:
            report(job, pool.result(handle))
        except WorkerDiedError as error:
            if left:
                waiting.append((job, left - 1))
            else:
                report(job, error)
        except Exception as error:  # any error: the other bags go on
            report(job, error)


_fuses: dict[tuple[Any, ...], Fuse] = {}


def fuse_here(job: BagJob) -> Done:
    """Fuse a bag in this process; reuses the network of an earlier bag with equal settings."""
    from ddfnet_ros.runtime.fallback import FallbackDeghoster  # noqa: PLC0415  (torch: 3 s)

    key = tuple(getattr(job.settings, f.name) for f in dataclasses.fields(DeghosterSettings))
    if key not in _fuses:
        _fuses.clear()  # two networks may be too much for a GPU
        _fuses[key] = FallbackDeghoster(job.settings)
    return fuse_bag(job, _fuses[key])


def share_of_threads(jobs: int) -> int:
    """Number of CPU threads for each of `jobs` processes that compute at a time."""
    return max(1, (os.cpu_count() or 1) // jobs)
