# SPDX-License-Identifier: Apache-2.0
"""Many bags, each done once or not at all, by the workers of a pool.

A worker keeps its network loaded from bag to bag. One that dies takes its bag with it, and the
bag is begun again elsewhere, with the parts that it had completed.
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
    """The process that was at a bag is gone."""


class Pool(Protocol):
    """Where jobs run: `Processes` of this machine, or `RayActors` on a cluster.

    Attributes:
        size: Jobs that run at a time.
    """

    size: int

    def start(self, job: BagJob) -> Hashable:
        """Begin a job on an idle worker; gives what stands for it."""

    def first(self, running: Collection[Any]) -> Any:
        """Wait until one of these is over; gives it."""

    def result(self, handle: Any) -> Done:
        """What became of one that is over; raises what the job raised, or WorkerDiedError."""


def run_all(jobs: Iterable[BagJob], pool: Pool, retries: int,
            tell: Callable[[BagJob, Outcome], object]) -> None:
    """Run all jobs.

    Args:
        jobs: In the order in which they are begun.
        pool: Where.
        retries: How often a job is begun again after its worker died.
        tell: Called with each job and what became of it, once.
    """
    waiting = deque((job, retries) for job in jobs)
    running: dict[Any, tuple[BagJob, int]] = {}
    while waiting or running:
        while waiting and len(running) < pool.size:
            job, left = waiting.popleft()
            running[pool.start(job)] = job, left
        handle = pool.first(running)
        job, left = running.pop(handle)
        try:
            tell(job, pool.result(handle))
        except WorkerDiedError as error:
            if left:
                waiting.append((job, left - 1))
            else:
                tell(job, error)
        except Exception as error:  # of whatever kind: the other bags go on
            tell(job, error)


_engines: dict[tuple[Any, ...], Fuse] = {}


def fuse_here(job: BagJob) -> Done:
    """Fuse a bag in this process, with the network that it has loaded for an earlier one."""
    from ddfnet_ros.runtime.fallback import FallbackDeghoster  # noqa: PLC0415  (torch: 3 s)

    key = tuple(getattr(job.settings, f.name) for f in dataclasses.fields(DeghosterSettings))
    if key not in _engines:
        _engines.clear()  # two networks may be too much for a GPU
        _engines[key] = FallbackDeghoster(job.settings)
    return fuse_bag(job, _engines[key])


def share_of_threads(jobs: int) -> int:
    """CPU threads for each of several processes that compute at a time."""
    return max(1, (os.cpu_count() or 1) // jobs)
