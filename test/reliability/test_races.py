# SPDX-License-Identifier: Apache-2.0
"""Mailbox and memory under schedules that nobody chose."""

import gc
import random
import sys
import threading
import time
import tracemalloc
from functools import partial

import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.node.worker import BatchGroup, Worker, WorkThread
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings


@pytest.fixture
def hectic():
    """Threads take turns a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def dawdle(rng):
    """Take a moment, or none: what varies the schedule."""
    time.sleep(rng.choice((0, 0, 0, 1e-4, 3e-4)))


def in_three_threads(submit):
    threads = [threading.Thread(target=submit, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize('seed', range(8))
def test_every_job_is_done_displaced_or_left_whatever_the_schedule(hectic, seed):
    rng, jobs = random.Random(seed), 60
    done, failed, tasks, displaced = [], [], [], []

    def finish(job):
        if job % 7 == 3:
            raise RuntimeError
        dawdle(rng)
        done.append(job)

    def begin(job):
        dawdle(rng)
        return partial(finish, job) if job % 2 else finish(job)

    worker = Worker(lambda jobs: [begin(job) for job in jobs],
                    lambda job, error: failed.append(job))

    def submit(first):
        for job in range(first, jobs, 3):
            displaced.append(worker.submit(job))
            worker.do(lambda job=job: tasks.append(job))
            dawdle(rng)

    in_three_threads(submit)
    left = worker.stop()
    assert len(done) + len(failed) + sum(displaced) + left == jobs
    assert len(set(done + failed)) == len(done + failed)
    assert sorted(tasks) == list(range(jobs))


@pytest.mark.parametrize('seed', range(8))
def test_of_workers_that_batch_every_job_is_done_displaced_or_left_whatever_the_schedule(
        hectic, seed):
    rng, jobs, thread = random.Random(seed), 60, WorkThread()
    done, failed, displaced, sizes = [], [], [], []

    def finish(job):
        if job % 7 == 3:
            raise RuntimeError
        dawdle(rng)
        done.append(job)

    def begin(given):
        if len(given) > 1 and any(job % 11 == 5 for job in given):
            raise RuntimeError
        sizes.append(len(given))
        dawdle(rng)
        return [partial(finish, job) for job in given]

    batch_group = BatchGroup(done, rng.choice((1e-6, 1e-4, 1e-3)))
    workers = [Worker(begin, lambda job, error: failed.append(job), thread, lambda: batch_group)
               for _ in range(3)]

    def submit(first):
        for job in range(first, jobs, 3):
            displaced.append(workers[first].submit(job))
            dawdle(rng)

    in_three_threads(submit)
    left = sum(worker.stop() for worker in workers)
    assert len(done) + len(failed) + sum(displaced) + left == jobs == sum(
        sizes, sum(displaced) + left)
    assert len(set(done + failed)) == len(done + failed)
    assert max(sizes) > 1


def test_fusing_keeps_nothing(monkeypatch):
    fuse = Deghoster(DeghosterSettings(model='fast', device='cpu', threads=1))
    rng = np.random.default_rng(1)

    def brackets(count):
        for _ in range(count):
            fuse(Bracket.of(Frame(pixels=rng.integers(0, 256, (48, 64, 3), np.uint8),
                                  exposure_time=time) for time in (0.001, 0.004, 0.016)))

    brackets(5)  # what is made once: tables, compiled shapes
    tracemalloc.start()
    try:
        brackets(20)  # small objects of torch come and go; their number settles slowly
        held = [held_after(lambda: None)]
        held += [held_after(lambda: brackets(12)) for _ in range(3)]
    finally:
        tracemalloc.stop()
    # Bytes: less than a frame a bracket. What is kept is kept each time; other threads are not.
    assert min(np.diff(held)) < 12 * 48 * 64 * 3, held


def held_after(work):
    """Bytes that the process holds once some work is done."""
    work()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
