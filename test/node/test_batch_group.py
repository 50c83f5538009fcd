# SPDX-License-Identifier: Apache-2.0
"""Workers of one thread whose jobs are begun together."""

import threading
import time

import pytest

from ddfnet_ros.node.worker import BatchGroup, Worker, WorkThread

NEVER = 10.0  # seconds that no test waits


class Companions:
    """Workers of one thread whose jobs may be begun together; a job 'hold' holds the thread up.

    Attributes:
        begun: Jobs of each time that something was begun.
    """

    def __init__(self, *waits):
        self.thread, self.begun, self.failed = WorkThread(), [], []
        self.go_on, self.held = threading.Semaphore(0), threading.Semaphore(0)
        self.told, self.rests = threading.Condition(), {}
        self.workers = [
            Worker(self._begin, lambda job, error: self.failed.append(job), self.thread,
                   lambda wait=wait: wait and BatchGroup(self, wait))
            for wait in waits]

    def _begin(self, jobs):
        if 'hold' in jobs:
            self.held.release()
            assert self.go_on.acquire(timeout=10)
        with self.told:
            self.begun.append(jobs)
            self.told.notify_all()
        if 'bad' in jobs:
            raise RuntimeError('as expected')
        return [self.rests.get(job) for job in jobs]

    def wait_for(self, times):
        """What was begun, once that was so many times."""
        with self.told:
            assert self.told.wait_for(lambda: len(self.begun) >= times, 10), self.begun
        return self.begun

    def submit_while_held(self, *jobs):
        """Leave a job with each worker at the same time."""
        self.workers[0].submit('hold')
        assert self.held.acquire(timeout=10)
        for worker, job in zip(self.workers, jobs, strict=False):
            worker.submit(job)
        self.go_on.release()


@pytest.fixture
def batch_of():
    """Makes batch whose workers wait for so many seconds; None: that batch with nobody."""
    made = []

    def make(*waits):
        made.append(Companions(*waits))
        return made[-1]

    yield make
    for batch in made:
        batch.go_on.release(100)
        for worker in batch.workers:
            worker.stop()


def test_jobs_that_are_there_are_begun_together(batch_of):
    batch = batch_of(1e-3, 1e-3, 1e-3)
    batch.submit_while_held(1, 2, 3)
    (_, together) = batch.wait_for(2)
    assert sorted(together) == [1, 2, 3]


def test_a_job_waits_for_those_of_its_batch_group_and_no_longer_than_until_they_are_there(
        batch_of):
    batch = batch_of(NEVER, NEVER)
    batch.workers[0].submit(1)
    assert batch.begun == []
    batch.workers[1].submit(2)
    assert batch.wait_for(1) == [[1, 2]]


def test_a_job_that_waits_is_displaced_by_a_newer_one(batch_of):
    batch = batch_of(NEVER, NEVER)
    assert not batch.workers[0].submit(1)
    assert batch.workers[0].submit(2)
    batch.workers[1].submit(3)
    assert batch.wait_for(1) == [[2, 3]]


def test_a_job_is_begun_without_those_that_do_not_come_in_time(batch_of):
    batch = batch_of(0.05, 0.05)
    batch.workers[0].submit(1)
    assert batch.wait_for(1) == [[1]]
    batch.workers[1].submit(2)
    assert batch.wait_for(2) == [[1], [2]]


def test_newer_jobs_do_not_put_the_beginning_off(batch_of):
    batch = batch_of(0.05, 0.05)
    for job in range(1000):
        batch.workers[0].submit(job)
        if batch.begun:
            return
        time.sleep(0.005)
    pytest.fail('no job was begun')


@pytest.mark.parametrize('waits', [(None, None), (None, NEVER), (NEVER,)])
def test_a_worker_without_batch_group_waits_for_nobody(batch_of, waits):
    batch = batch_of(*waits)
    batch.workers[0].submit(1)
    assert batch.wait_for(1) == [[1]]


def test_a_worker_without_batch_group_is_served_while_others_wait(batch_of):
    batch = batch_of(NEVER, NEVER, None)
    batch.workers[0].submit(1)
    batch.workers[2].submit(3)
    assert batch.wait_for(1) == [[3]]


def test_tasks_are_done_while_a_job_waits(batch_of):
    batch, done = batch_of(NEVER, NEVER), threading.Event()
    batch.workers[0].submit(1)
    batch.workers[0].do(done.set)
    assert done.wait(10)
    assert batch.begun == []


def test_a_worker_stops_though_its_job_waits_and_the_other_goes_on(batch_of):
    batch = batch_of(NEVER, NEVER)
    batch.workers[0].submit(1)
    assert batch.workers[0].stop()
    batch.workers[1].submit(2)
    assert batch.wait_for(1) == [[2]]


def test_of_jobs_that_cannot_be_begun_together_each_is_begun_by_itself(batch_of):
    batch = batch_of(NEVER, NEVER, NEVER)
    for worker, job in zip(batch.workers, (1, 'bad', 3), strict=True):
        worker.submit(job)
    assert batch.wait_for(4) == [[1, 'bad', 3], [1], ['bad'], [3]]
    batch.workers[1].stop()
    assert batch.failed == ['bad']


def test_jobs_that_had_to_wait_for_room_are_begun_together_again(batch_of):
    batch, go_on = batch_of(NEVER, NEVER), threading.Event()
    batch.rests = dict.fromkeys(range(4), lambda: go_on.wait(10))
    for job in range(0, 6, 2):  # two are begun, for the third there is no room
        for place, worker in enumerate(batch.workers):
            worker.submit(job + place)
        if job < 4:
            batch.wait_for(job // 2 + 1)
    go_on.set()
    assert [sorted(jobs) for jobs in batch.wait_for(3)] == [[0, 1], [2, 3], [4, 5]]
