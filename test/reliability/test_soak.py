# SPDX-License-Identifier: Apache-2.0
"""The judge of `make soak`, which runs too long for a test, and its faults, a few of each."""

import os
import random
from argparse import Namespace
from types import SimpleNamespace

import pytest

from benchmark import soak_faults
from benchmark.soak_load import Sample, disturb_frames, judge, sample, uncounted

STEADY = [Sample(5.0 * i, 400.0 + (50 if i < 5 else 0), 20, 30) for i in range(60)]
QUICK = [0.1] * 100


def test_a_steady_process_keeps_its_promises():
    found = judge(STEADY, QUICK, 0.1)
    assert (found['broken'], found['growth'], found['results']) == ([], 0.0, 100)


@pytest.mark.parametrize(('samples', 'latencies', 'word'), [
    ([s._replace(memory_mb=400 + s.seconds / 10) for s in STEADY], QUICK, 'memory grew'),
    ([s._replace(threads=20 + i // 10) for i, s in enumerate(STEADY)], QUICK, 'threads'),
    ([s._replace(files=30 + i) for i, s in enumerate(STEADY)], QUICK, 'file handles'),
    (STEADY, [0.1 * i for i in range(100)], 'latency grew'),
    (STEADY, [], 'no result'),
])
def test_a_promise_that_is_not_held_is_named(samples, latencies, word):
    (broken,) = judge(samples, latencies, 0.1)['broken']
    assert word in broken


def test_a_process_can_be_looked_at():
    seen = sample(os.getpid(), 1.0)
    assert seen.memory_mb > 10
    assert seen.threads >= 1
    assert seen.files > 2


def test_a_bad_road_loses_doubles_and_turns_around():
    road = SimpleNamespace(lost=0.3, doubled=0.2, reordered=0.5)
    turns = [[place for place, _ in disturb_frames([0, 1, 2], random.Random(seed), road)]
             for seed in range(300)]
    whole = sum(set(turn) == {0, 1, 2} for turn in turns)
    assert 0.2 < whole / len(turns) < 0.5
    assert any(turn != sorted(turn) for turn in turns)
    assert any(len(turn) > len(set(turn)) for turn in turns)


def test_a_frame_that_is_in_no_count_is_noticed():
    told = {'images_received': '100', 'images_per_second': '29.97', 'brackets_fused': '20',
            'brackets_nobody_wanted': '2', 'dropped.superseded': '4', 'dropped.failed': '1',
            'dropped.incomplete': '5', 'dropped.stale': '4', 'latency_ms.median': '80'}
    assert uncounted(told) == 100 - 3 * 27 - 9


@pytest.fixture
def options(ros, model):
    return Namespace(model=str(model), device='cpu', threads=1, size='small', count=4, warm_up=0.5)


def test_a_bag_that_loops_gives_each_loop_its_own_frames(options):
    found = soak_faults.loops(options)
    assert (found['broken'], found['brackets_fused']) == ([], 12)
    assert found['told']['dropped.incomplete'] >= 2 * 4


def test_results_of_two_loops_are_noticed():
    assert not list(soak_faults.faults_of([0.001, 0.02, 0.0]))
    assert 'another loop' in next(soak_faults.faults_of([0.001, 0.3, 0.0]))
    assert '2 of 3' in next(soak_faults.faults_of([0.001, 0.0]))


def test_a_node_process_goes_through_transitions_in_any_order(options):
    options.count = 30
    found = soak_faults.transitions(options)
    assert found['done']['configure'] > 1
    assert found['done']['activate'] > 0
    assert 'no result came' not in found['broken']  # the rest takes more than a few transitions
