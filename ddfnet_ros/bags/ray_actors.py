# SPDX-License-Identifier: Apache-2.0
"""A pool of actors on a Ray cluster that fuse bags."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

from ddfnet_ros.bags.fusing import BagJob, Done
from ddfnet_ros.bags.many import Work, WorkerDiedError, fuse_here


class RayActors:
    """A pool of actors on a Ray cluster, each with a GPU if the cluster has GPUs."""

    def __init__(self, address: str, size: int, work: Work | None = None, *,
                 gpus: bool = True) -> None:
        """Connect to the cluster and start the actors.

        Args:
            address: Address of a running cluster; 'auto' for the one of this machine; 'local' for
                a new one that ends with this process.
            size: Number of actors if no GPUs are used.
            work: Function that does a job; None: fuse it.
            gpus: Whether the jobs can use GPUs.

        Raises:
            ValueError: Ray is not installed, or there is no cluster at the address.
        """
        self._ray = _import_ray()
        try:
            self._ray.init(address=address, log_to_driver=False, configure_logging=False)
        except ConnectionError as error:
            raise ValueError(f'--ray-address: expected a Ray cluster, got none at {address!r}; '
                             'start one (ray start --head), or use local') from error
        count = int(self._ray.cluster_resources().get('GPU', 0)) if gpus else 0
        self.size = count or size
        self._actor = self._ray.remote(num_gpus=1 if count else 0, num_cpus=1, max_restarts=0)(
            _Actor)
        self._work = work or fuse_here
        self._idle = [self._actor.remote(self._work) for _ in range(self.size)]
        self._busy: dict[Any, Any] = {}

    def __enter__(self) -> RayActors:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def start(self, job: BagJob) -> Hashable:
        """Start a job on an idle actor and return its reference."""
        actor = self._idle.pop()
        reference: Hashable = actor.run.remote(job)
        self._busy[reference] = actor
        return reference

    def wait_for_any(self, running: Collection[Any]) -> Any:
        """Wait until one of the running jobs has ended, and return its reference."""
        return self._ray.wait(list(running), num_returns=1)[0][0]

    def result(self, handle: Any) -> Done:
        """Return the result of an ended job; raises what it raised, or WorkerDiedError."""
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
    """Worker in a process of the cluster."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, job: BagJob) -> Done:
        """Do one job."""
        return self._work(job)


def _import_ray() -> Any:
    try:
        import ray  # noqa: PLC0415  (optional, and 2 s)
    except ImportError:
        raise ValueError('--ray: expected the package ray, got none; pip install '
                         '"ddfnet_ros[ray]", or use --jobs') from None
    return ray
