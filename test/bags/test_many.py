# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # pool_work

import pool_work

from ddfnet_ros.bags.fusing import BagJob, Done
from ddfnet_ros.bags.many import Processes, RayActors, WorkerDiedError, run_all
from ddfnet_ros.settings import NodeSettings


def job(name):
    return BagJob(source=Path(name), target=Path(f'{name}.mcap'), settings=NodeSettings())


class Inline:
    """A pool of no process at all, whose workers die when the test wants it."""

    def __init__(self, size=2, deaths=()):
        self.size, self.deaths = size, list(deaths)
        self.begun, self.most, self.busy = [], 0, 0

    def start(self, given):
        self.begun.append(given.source.name)
        self.busy += 1
        self.most = max(self.most, self.busy)
        return len(self.begun) - 1

    def first(self, running):
        return max(running)  # not in the order in which they were begun

    def result(self, handle):
        self.busy -= 1
        name = self.begun[handle]
        if name in self.deaths:
            self.deaths.remove(name)
            raise WorkerDiedError('gone')
        if name == 'bad':
            raise ValueError('expected a bag')
        return Done(1, 0, {}, {})


def outcomes(names, pool, retries=2):
    told = {}

    def tell(given, outcome):
        assert given.source.name not in told
        told[given.source.name] = outcome

    run_all(map(job, names), pool, retries, tell)
    return told


def test_every_bag_is_told_of_once():
    pool = Inline()
    assert set(outcomes('abcde', pool)) == set('abcde')
    assert sorted(pool.begun) == list('abcde')
    assert pool.most == 2


def test_a_bag_whose_worker_died_is_begun_again():
    pool = Inline(deaths=['b', 'b'])
    assert isinstance(outcomes('abc', pool)['b'], Done)
    assert pool.begun.count('b') == 3


def test_a_bag_that_kills_every_worker_is_given_up():
    pool = Inline(deaths=['b'] * 9)
    told = outcomes('abc', pool)
    assert isinstance(told['b'], WorkerDiedError)
    assert pool.begun.count('b') == 3
    assert isinstance(told['a'], Done)


def test_a_bad_bag_is_not_tried_again_and_the_others_go_on():
    pool = Inline()
    told = outcomes(['a', 'bad', 'c'], pool)
    assert str(told['bad']) == 'expected a bag'
    assert pool.begun.count('bad') == 1
    assert isinstance(told['c'], Done)


def check_pool(pool, tmp_path):
    """The same of every pool of real processes."""
    once = f'dies@{tmp_path / "once"}'.replace('/', '!')
    always = f'fatal@{tmp_path / "always"}'.replace('/', '!')
    told = outcomes(['a', 'bad', once, 'b', always, 'c'], pool, retries=1)
    assert {name[:5] for name, outcome in told.items() if isinstance(outcome, Done)} == {
        'a', 'b', 'c', 'dies@'}
    assert isinstance(told[always], WorkerDiedError)
    assert str(told['bad']) == 'expected a bag'
    assert os.getpid() not in {done.brackets for done in told.values() if isinstance(done, Done)}


def test_processes_that_die_are_replaced(tmp_path):
    with Processes(2, pool_work.work) as pool:
        check_pool(pool, tmp_path)


def test_ray_actors_that_die_are_replaced(tmp_path):
    ray = pytest.importorskip('ray')
    ray.cloudpickle.register_pickle_by_value(pool_work)
    with RayActors('local', 2, pool_work.work, gpus=False) as pool:
        check_pool(pool, tmp_path)


def test_without_ray_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ValueError, match=r'expected the package ray, got none; pip install'):
        RayActors('local', 1)
