# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from ddfnet_ros.node.worker import Worker, WorkThread


def one_by_one(begin):
    """What begins one job, for all that are to be begun together."""
    return lambda jobs: [begin(job) for job in jobs]


class Bench:
    """A worker whose work can be held up."""

    def __init__(self, thread=None):
        self.done, self.failed = [], []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.worker = Worker(
            one_by_one(self._work), lambda job, error: self.failed.append((job, error)), thread)

    def _work(self, job):
        self.begun.release()
        self._finish(job)

    def _finish(self, job):
        assert self.go_on.acquire(timeout=10)
        if job == 'bad':
            raise RuntimeError('as expected')
        self.done.append(job)

    def end(self):
        self.go_on.release(100)
        self.worker.stop()


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.end()


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


def test_tasks_are_done_before_the_next_job(bench):
    bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    bench.worker.submit(2)
    for task in ('a', 'b'):
        bench.worker.do(lambda task=task: bench.done.append(task))
    bench.go_on.release(2)
    assert bench.begun.acquire(timeout=10)
    bench.worker.stop()
    assert bench.done == [1, 'a', 'b', 2]


def test_tasks_are_done_even_when_the_worker_is_stopped(bench):
    bench.worker.submit(1)
    assert bench.begun.acquire(timeout=10)
    bench.worker.submit(2)
    bench.worker.do(lambda: bench.done.append('a'))
    threading.Timer(0.1, bench.go_on.release).start()
    assert bench.worker.stop()
    assert bench.done == [1, 'a']


@pytest.fixture
def two():
    """Two benches whose workers share a thread."""
    thread = WorkThread()
    benches = Bench(thread), Bench(thread)
    yield benches
    for bench in benches:
        bench.end()


def test_workers_of_one_thread_take_turns_however_many_jobs_one_has(two):
    flooding, other = two
    flooding.worker.submit(0)
    for turn in range(1, 4):
        assert flooding.begun.acquire(timeout=10)
        flooding.worker.submit(turn)
        flooding.worker.do(lambda: None)
        other.worker.submit(turn)
        flooding.go_on.release()
        assert other.begun.acquire(timeout=10)
        other.go_on.release()
    assert flooding.begun.acquire(timeout=10)
    assert other.done == [1, 2, 3]
    assert flooding.done[0] == 0


def test_a_worker_stops_while_the_other_is_at_work_and_the_other_goes_on(two):
    first, second = two
    first.worker.submit(1)
    assert first.begun.acquire(timeout=10)
    second.worker.submit(2)
    assert second.worker.stop()
    first.worker.submit(3)
    first.go_on.release(2)
    assert first.begun.acquire(timeout=10)
    first.worker.stop()
    assert (first.done, second.done) == ([1, 3], [])


def test_a_worker_that_stops_waits_for_its_own_job_though_the_thread_goes_on(two):
    first, _ = two
    first.worker.submit(1)
    assert first.begun.acquire(timeout=10)
    threading.Timer(0.1, first.go_on.release).start()
    first.worker.stop()
    assert first.done == [1]


def test_a_worker_that_cannot_even_fail_leaves_the_thread_to_the_other(caplog):
    thread, done = WorkThread(), threading.Event()

    def fail(*_):
        raise RuntimeError('as expected')

    workers = (Worker(fail, fail, thread),
               Worker(one_by_one(lambda _: done.set()), fail, thread))
    for worker in workers:
        worker.submit(1)
    assert done.wait(10)
    for worker in workers:
        worker.stop()
    assert 'a task failed' in caplog.text


class Handing(Bench):
    """A worker whose jobs are held up once they are begun."""

    def _work(self, job):
        self.begun.release()
        return lambda: self._finish(job)


@pytest.fixture
def handing():
    bench = Handing()
    yield bench
    bench.end()


def test_a_job_is_begun_while_the_one_before_is_finished_and_no_more(handing):
    for job in (1, 2):
        handing.worker.submit(job)
        assert handing.begun.acquire(timeout=10)
    assert handing.done == []
    handing.worker.submit(3)
    assert not handing.begun.acquire(timeout=0.2)
    assert handing.worker.submit(4)
    handing.go_on.release()
    assert handing.begun.acquire(timeout=10)
    handing.go_on.release(2)
    assert not handing.worker.stop()
    assert handing.done == [1, 2, 4]


def test_a_job_that_cannot_be_finished_is_reported_and_the_next_is_done(handing):
    for job in ('bad', 'good'):
        handing.worker.submit(job)
        assert handing.begun.acquire(timeout=10)
    handing.go_on.release(2)
    handing.worker.stop()
    assert handing.done == ['good']
    assert [(job, str(error)) for job, error in handing.failed] == [('bad', 'as expected')]


def test_a_worker_whose_jobs_are_not_finished_holds_up_no_other(handing):
    other = Bench(handing.worker._thread)
    for job in (1, 2):
        handing.worker.submit(job)
        assert handing.begun.acquire(timeout=10)
    handing.worker.submit(3)
    other.go_on.release()
    other.worker.submit('a')
    assert other.begun.acquire(timeout=10)
    other.worker.stop()
    assert other.done == ['a']


def test_a_thread_without_workers_ends_and_comes_back_for_the_next():
    thread, done = WorkThread(), []
    for _ in range(2):
        before, did = threading.active_count(), threading.Event()
        worker = Worker(
            one_by_one(lambda job, did=did: done.append(job) or did.set()),
            pytest.fail, thread)
        worker.submit(1)
        assert did.wait(10)
        worker.stop()
        assert threading.active_count() == before
    assert done == [1, 1]
