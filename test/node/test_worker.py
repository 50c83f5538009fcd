# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from ddfnet_ros.node.worker import Worker


class Bench:
    """A worker whose work can be held up."""

    def __init__(self):
        self.done, self.failed = [], []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.worker = Worker(self._work, lambda job, error: self.failed.append((job, error)))

    def _work(self, job):
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        if job == 'bad':
            raise RuntimeError('as expected')
        self.done.append(job)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.go_on.release(100)
    bench.worker.stop()


def test_the_latest_job_displaces_the_one_that_waits(bench):
    assert not bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    assert not bench.worker.submit(2)
    assert bench.worker.submit(3)
    bench.go_on.release(2)
    assert bench.begun.acquire(timeout=10)
    bench.worker.stop()
    assert bench.done == [1, 3]


def test_a_job_that_raises_is_reported_and_the_next_is_done(bench):
    for job in ('bad', 'good'):
        bench.go_on.release()
        bench.worker.submit(job)
        assert bench.begun.acquire(timeout=10)
    bench.worker.stop()
    assert bench.done == ['good']
    assert [(job, str(error)) for job, error in bench.failed] == [('bad', 'as expected')]


def test_stop_waits_for_the_job_in_progress_and_leaves_the_next_undone(bench):
    bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    bench.worker.submit(2)
    threading.Timer(0.1, bench.go_on.release).start()
    assert bench.worker.stop()
    assert bench.done == [1]


def test_stop_without_any_job_returns():
    assert not Worker(lambda _: None, lambda *_: None).stop()


def test_errands_are_done_before_the_next_job(bench):
    bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    bench.worker.submit(2)
    for errand in ('a', 'b'):
        bench.worker.do(lambda errand=errand: bench.done.append(errand))
    bench.go_on.release(2)
    assert bench.begun.acquire(timeout=10)
    bench.worker.stop()
    assert bench.done == [1, 'a', 'b', 2]


def test_errands_are_done_even_when_the_worker_is_stopped(bench):
    bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    bench.worker.submit(2)
    bench.worker.do(lambda: bench.done.append('a'))
    threading.Timer(0.1, bench.go_on.release).start()
    assert bench.worker.stop()
    assert bench.done == [1, 'a']
