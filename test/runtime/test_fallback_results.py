# SPDX-License-Identifier: Apache-2.0
import threading
from dataclasses import replace

import numpy as np
import pytest

from ddfnet_ros.runtime import fallback
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.rendering import reference_alone
from ddfnet_ros.runtime.request import Request

from .shortages import (
    LateShortages,
    bracket,
    network_of,
    settings_for,
    two,
)


@pytest.fixture
def late(monkeypatch):
    return LateShortages(monkeypatch)


def test_a_shortage_that_shows_in_a_result_costs_nothing_but_time(fallback_of, late, caplog):
    made, given = fallback_of(), bracket()
    expected = Deghoster(settings_for('fast'))(given)
    late.left = 1
    pending = made.submit(Request(given, made.settings))
    fused = pending.result()
    np.testing.assert_array_equal(fused.radiance, expected.radiance)
    assert pending.result() is fused
    assert (fused.bracket, fused.way) == (given, 'caches')
    assert [record.message.split(' (')[0] for record in caplog.records] == [
        'out of memory: freed caches, fusing as always']
    assert 'freed caches' in made.ladder.problem
    assert made(given).way == 'caches'


def test_results_that_still_run_out_go_way_by_way_to_the_reference_frame(
        fallback_of, late, caplog):
    made, given = fallback_of(), bracket()
    late.left = 100
    fused = made(given)
    np.testing.assert_array_equal(fused.radiance, reference_alone(given, made.settings).radiance)
    assert late.bands == [1, 1, 2, 4, 8]
    assert fused.way == 'reference'
    assert len(caplog.records) == 3  # freed caches, bands, the reference frame
    late.left = 0
    assert made(given).way == 'reference'  # and not at once again what has just failed


def test_of_two_pending_brackets_that_run_out_none_is_lost_and_one_tells(
        fallback_of, late, caplog):
    made, given = fallback_of(), bracket(height=16)
    pending = [made.submit(Request(given, made.settings)) for _ in range(2)]
    waits = made.ladder._wait
    late.left = 1
    assert pending[0].result().way == 'caches'
    late.left = 1
    assert pending[1].result().way == 'caches'  # which nothing is known against
    assert made.ladder._wait == 2 * waits
    assert len(caplog.records) == 1


def test_what_is_fused_anew_keeps_the_settings_that_it_was_submitted_with(fallback_of, late):
    made, given = fallback_of(), bracket(height=16)
    expected = Deghoster(settings_for('fast'))(given)
    pending = made.submit(Request(given, made.settings))
    other = made.submit(Request(given, replace(made.settings, tone_map='key', key=0.05)))
    late.left = 1
    np.testing.assert_array_equal(pending.result().image, expected.image)
    assert not np.array_equal(other.result().image, expected.image)


def test_what_is_fused_anew_waits_until_no_other_is_submitted(fallback_of, late, monkeypatch):
    made, given = fallback_of(), bracket(height=16)
    pending, submit = made.submit(Request(given, made.settings)), Deghoster.submit
    inside, let_go, together = [], threading.Event(), threading.Event()

    def slowly(self, of):
        inside.append(of)
        if len(inside) > 1:
            together.set()
        assert let_go.wait(10)
        inside.pop()
        return submit(self, of)

    monkeypatch.setattr(Deghoster, 'submit', slowly)
    late.left, ways = 1, []
    others = [threading.Thread(target=made.submit, args=[Request(given, made.settings)]),
              threading.Thread(target=lambda: ways.append(pending.result().way))]
    for thread in others:
        thread.start()
    assert not together.wait(0.3)
    let_go.set()
    for thread in others:
        thread.join(10)
    assert ways == ['caches']


def test_brackets_fused_together_whose_results_run_out_are_fused_anew_each_by_itself(
        fallback_of, late, caplog):
    made = fallback_of()
    expected = [Deghoster(request.settings)(request.bracket) for request in two()]
    pending = made.submit_batch(two())
    for alone, one in zip(expected, pending, strict=True):
        late.left = 1
        found = one.result()
        np.testing.assert_array_equal(found.image, alone.image)
        assert (found.way, found.together) == ('caches', 1)
    assert network_of(made).batches == [2, 1, 1]
    assert len(caplog.records) == 1


def test_a_better_way_whose_results_still_run_out_is_tried_ever_more_rarely(
        fallback_of, late, caplog):
    made, given = fallback_of(), bracket(height=16)
    late.least = 2
    for _ in range(200):
        assert made(given).way == 'bands'
    assert late.bands.count(1) <= 2 + 2
    assert len(caplog.records) == 2


def test_without_memory_for_any_result_the_error_says_so_and_it_may_be_asked_for_again(
        fallback_of, late, monkeypatch):
    made, given = fallback_of(), bracket(height=16)
    pending = made.submit(Request(given, made.settings))
    late.left = 100
    with monkeypatch.context() as patch:
        patch.setattr(fallback, 'reference_alone', lambda *_: bytearray(2**62))
        with pytest.raises(MemoryError, match='choose smaller images'):
            pending.result()
    late.left = 0
    assert pending.result().way == 'caches'


@pytest.mark.parametrize('error', [ValueError('bad'), RuntimeError('an illegal memory access')])
def test_other_errors_of_results_are_not_for_it(fallback_of, monkeypatch, error):
    late, made = LateShortages(monkeypatch, error), fallback_of()
    late.left = 1
    with pytest.raises(type(error), match=str(error)):
        made(bracket(height=16))
    assert late.bands == [1]
    assert made.ladder.problem == ''
