# SPDX-License-Identifier: Apache-2.0
"""Many bags, each done once or not at all: in processes of this machine, or on a Ray cluster.

A worker keeps its network loaded from bag to bag. One that dies takes its bag with it, and the
bag is begun again elsewhere, with the parts that it had completed.
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Protocol

from ddfnet_ros.bags.fusing import BagJob, Done, Fuse, fuse_bag
from ddfnet_ros.settings import DeghosterSettings

Work = Callable[[BagJob], Done]
Outcome = Done | Exception


class WorkerDiedError(RuntimeError):
    """The process that was at a bag is gone."""


class Pool(Protocol):
    """Where jobs run.

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
        return ProcessPoolExecutor(1, mp_context=get_context('spawn'))


class RayActors:
    """A pool of actors on a Ray cluster, with a GPU each where it has some."""

    def __init__(self, address: str, size: int, work: Work | None = None, *,
                 gpus: bool = True) -> None:
        """Connect.

        Args:
            address: Of a cluster that is there, 'auto' for the one of this machine, 'local' for a
                new one that ends with this process.
            size: Actors where there are no GPUs.
            work: What each does with a job; None: fuse it.
            gpus: Whether GPUs are of use to the jobs.

        Raises:
            ValueError: no Ray, or no cluster at the address.
        """
        self._ray = _ray()
        try:
            self._ray.init(address=address, log_to_driver=False, configure_logging=False)
        except ConnectionError as error:
            raise ValueError(f'--ray-address: expected a Ray cluster, got none at {address!r}; '
                             'start one (ray start --head), or use local') from error
        found = int(self._ray.cluster_resources().get('GPU', 0)) if gpus else 0
        self.size = found or size
        self._actor = self._ray.remote(num_gpus=1 if found else 0, num_cpus=1, max_restarts=0)(
            _Actor)
        self._work = work or fuse_here
        self._idle = [self._actor.remote(self._work) for _ in range(self.size)]
        self._busy: dict[Any, Any] = {}

    def __enter__(self) -> RayActors:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def start(self, job: BagJob) -> Hashable:
        """Begin a job."""
        actor = self._idle.pop()
        reference: Hashable = actor.run.remote(job)
        self._busy[reference] = actor
        return reference

    def first(self, running: Collection[Any]) -> Any:
        """Wait for any."""
        return self._ray.wait(list(running), num_returns=1)[0][0]

    def result(self, handle: Any) -> Done:
        """What became of it."""
        actor = self._busy.pop(handle)
        try:
            done: Done = self._ray.get(handle)
        except self._ray.exceptions.RayActorError as error:
            actor = self._actor.remote(self._work)
            raise WorkerDiedError('its Ray actor died; out of memory?') from error
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        finally:
            self._idle.append(actor)
        return done


class _Actor:
    """Lives in a process of the cluster."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, job: BagJob) -> Done:
        """Do one job."""
        return self._work(job)


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415  (optional, and 2 s)
    except ImportError:
        raise ValueError('--ray: expected the package ray, got none; pip install '
                         '"ddfnet_ros[ray]", or use --jobs') from None
    return ray


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
