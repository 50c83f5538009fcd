# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # pool_work

from pool_work import outcomes

from ddfnet_ros.bags.fusing import Done
from ddfnet_ros.bags.many import WorkerDiedError


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

    def wait_for_any(self, running):
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
