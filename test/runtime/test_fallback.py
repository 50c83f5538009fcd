# SPDX-License-Identifier: Apache-2.0
import weakref
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime import fallback, ways
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.memory import give_back_freed_memory, is_shortage
from ddfnet_ros.runtime.rendering import reference_alone
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import DeghosterSettings

from .shortages import (
    EXPOSURES,
    HEIGHT,
    SHORTAGES,
    bracket,
    network_of,
    settings_for,
    together,
    two,
)


@pytest.mark.parametrize('error', SHORTAGES.values(), ids=SHORTAGES)
def test_a_shortage_that_freed_caches_mend_costs_nothing_but_time(fallback_of, caplog, error):
    made, given = fallback_of(rows=0, error=error), bracket()
    expected = Deghoster(settings_for('fast'))(given)

    def freed(_device):
        network_of(made).rows = 10**6

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fallback, 'give_back_freed_memory', freed)
        fused = made(given)
    np.testing.assert_array_equal(fused.radiance, expected.radiance)
    assert fused.bracket is given
    assert fused.way == 'caches'
    assert caplog.text.count('freed caches') == 1
    assert 'freed caches' in made.ladder.problem


def test_bands_give_the_picture_of_the_whole(fallback_of, caplog):
    made, given = fallback_of(rows=250), bracket()
    expected = Deghoster(settings_for('fast'))(given)
    for _ in range(5):
        fused = made(given)
        assert fused.way == 'bands'
        np.testing.assert_allclose(fused.radiance, expected.radiance, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            fused.shares(), expected.shares(), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(fused.image.astype(int), expected.image.astype(int), atol=1)
    assert caplog.text.count('bands of rows') == 1
    failed = [rows for rows in network_of(made).given if rows > 250]
    # The whole, the same with freed caches, and the first of two bands, which with the rows that
    # the flow crosses is little less; never again.
    assert failed[:2] == [HEIGHT, HEIGHT]
    assert len(failed) == 3


def test_bands_are_for_brackets_that_have_no_better_way_with_less_memory(
        fallback_of, monkeypatch):
    made = fallback_of(rows=250)
    monkeypatch.setattr(Deghoster, 'divisible', lambda _self, of: of.reference.pixels.ndim == 2)
    for channels, way in ((3, 'reference'), (1, 'bands'), (3, 'reference')):
        assert made(bracket(channels=channels)).way == way


def test_without_room_for_the_model_fast_on_the_cpu_takes_over(fallback_of, caplog):
    made, given = fallback_of('other', rows=0), bracket()
    assert made.in_use.model_name == 'other'
    expected = Deghoster(settings_for('fast'))(given)
    for _ in range(2):
        fused = made(given)
        assert fused.way == 'cpu'
        np.testing.assert_allclose(fused.radiance, expected.radiance, rtol=0.05, atol=1)
    assert (made.in_use.model_name, made.in_use.device) == ('fast', 'cpu')
    assert caplog.text.count('fast on the CPU') == 1


@pytest.mark.parametrize('model', ['other', 'fast'])
def test_where_nothing_fits_the_reference_frame_is_published(
        fallback_of, monkeypatch, caplog, model):
    made, given = fallback_of(model), bracket()

    def too_much(*_, **__):
        raise SHORTAGES['Python']

    def alone(*of):
        assert made._spare is None, 'the model on the CPU still holds its memory'
        return reference_alone(*of)

    monkeypatch.setattr(Deghoster, '_pipeline', too_much)
    monkeypatch.setattr(fallback, 'reference_alone', alone)
    fused = made(given)
    np.testing.assert_array_equal(
        fused.radiance, reference_alone(given, made.settings).radiance)
    assert fused.way == 'reference'
    assert ('fast on the CPU' in caplog.text) == (model == 'other')
    assert caplog.text.count('reference frame') == 1


def test_when_memory_returns_the_best_way_does_and_is_told_once(
        fallback_of, monkeypatch, caplog):
    monkeypatch.setattr(ways, '_FIRST_WAIT', 1)
    made, given = fallback_of('other', rows=0), bracket(height=16)
    made(given)
    spare = weakref.ref(made._spare)
    network_of(made).rows = 10**6
    caplog.clear()
    problems, ways_taken = [], Counter()
    for _ in range(25):
        ways_taken[made(given).way] += 1
        problems.append(made.ladder.problem)
    assert made.ladder.problem == ''
    assert min(Counter(problems).values()) >= 2  # each way is given time to prove itself
    assert made.in_use.model_name == 'other'
    assert spare() is None
    assert ways_taken['whole'] > 10
    assert [record.message for record in caplog.records] == [
        'there is memory again: fusing as always']


def test_a_better_way_that_still_fails_is_tried_ever_more_rarely(fallback_of, caplog):
    made, given = fallback_of(rows=0), bracket(height=16)
    for _ in range(200):
        assert made(given).way == 'reference'
    tried = network_of(made).given
    assert len(tried) <= 6 + 4
    assert len(caplog.records) == 3


def test_without_memory_for_anything_the_error_says_so_and_the_next_bracket_is_fused(
        fallback_of, monkeypatch):
    made, given = fallback_of(rows=0), bracket(height=16)
    with monkeypatch.context() as patch:
        patch.setattr(fallback, 'reference_alone', lambda *_: bytearray(2**62))
        with pytest.raises(MemoryError, match='choose smaller images'):
            made(given)
    assert made(given).bracket is given


@pytest.mark.parametrize('error', [ValueError('bad'), RuntimeError('an illegal memory access')])
def test_other_errors_are_not_for_it(fallback_of, error):
    made = fallback_of(rows=0, error=error)
    with pytest.raises(type(error), match=str(error)):
        made(bracket(height=16))
    assert network_of(made).given == [16]
    assert made.ladder.problem == ''


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [1, 3])
def test_the_reference_alone_is_its_radiance_and_picture(dtype, channels):
    given = bracket(dtype, channels)
    alone = reference_alone(given, DeghosterSettings(tone_map='mu'))
    ldr = given.reference.pixels / (np.iinfo(dtype).max if dtype != np.float32 else 1)
    np.testing.assert_allclose(alone.radiance, ldr**2.2 / EXPOSURES[1], rtol=1e-4, atol=1e-5)
    relative = alone.radiance * EXPOSURES[0]
    np.testing.assert_allclose(
        alone.image, np.log1p(5000 * relative) / np.log1p(5000) * 255, atol=0.51)
    assert alone.radiance.shape == given.reference.pixels.shape
    assert alone.motion().shape == (2, HEIGHT, 32, 2)
    assert not alone.motion().any()
    assert (alone.shares() == np.array([0, 1, 0])[:, None, None]).all()


@pytest.mark.parametrize('allocate', [
    lambda: torch.empty(2**50), lambda: np.empty(2**50), lambda: bytearray(2**62),
    lambda: cv2.resize(np.zeros((2, 2), np.uint8), (2**30, 2**30)),
], ids=['torch', 'numpy', 'python', 'opencv'])
def test_real_shortages_are_known_as_such(allocate):
    with pytest.raises(Exception) as failed:  # noqa: PT011 (each has a class of its own)
        allocate()
    assert is_shortage(failed.value)


def test_other_problems_are_no_shortage():
    assert not any(map(is_shortage, [
        ValueError('out of memory'), RuntimeError('an illegal memory access'), cv2.error('size')]))


def test_giving_back_memory_needs_no_particular_system(monkeypatch):
    give_back_freed_memory(torch.device('cpu'))
    monkeypatch.setattr('ctypes.CDLL', lambda name: object())
    give_back_freed_memory(torch.device('cpu'))


def test_a_deghoster_that_nobody_holds_is_gone_at_once(fallback_of):
    made = fallback_of()
    left = weakref.ref(made._first)
    del made
    assert left() is None


def test_brackets_that_memory_is_too_short_for_together_are_fused_one_by_one(
        fallback_of, caplog):
    made = fallback_of(brackets=1)
    expected = [Deghoster(request.settings)(request.bracket) for request in two()]
    for _ in range(5):
        for alone, found in zip(expected, together(made), strict=True):
            assert found.way == 'single'
            np.testing.assert_array_equal(found.radiance, alone.radiance)
            np.testing.assert_array_equal(found.image, alone.image)
    assert network_of(made).batches == [2, 2] + 10 * [1]  # the second try has caches freed
    assert [record.message.split(' (')[0] for record in caplog.records] == [
        'out of memory: freed caches, fusing as always',
        'out of memory: fusing brackets one by one']
    assert made.ladder.problem == 'out of memory: fusing brackets one by one'
    assert not made.ladder.together


def test_when_memory_returns_brackets_are_fused_together_again_and_that_is_told_once(
        fallback_of, monkeypatch, caplog):
    monkeypatch.setattr(ways, '_FIRST_WAIT', 2)
    made = fallback_of(brackets=1)
    together(made)
    network_of(made).brackets = 2
    caplog.clear()
    found = [together(made)[0].together for _ in range(15)]
    assert found[0] == 1
    assert found[-5:] == [2] * 5
    assert made.ladder.problem == ''
    assert [record.message for record in caplog.records] == [
        'there is memory again: fusing as always']


def test_fused_together_that_still_fail_are_tried_ever_more_rarely(fallback_of, caplog):
    made = fallback_of(brackets=1)
    for _ in range(400):
        assert not {one.way for one in together(made)} & {'bands', 'reference'}
    assert network_of(made).batches.count(2) <= 2 + 2 * 5
    assert len(caplog.records) == 2


def test_where_each_needs_bands_those_are_taken_for_brackets_of_all_cameras(fallback_of):
    made, given = fallback_of(rows=250), bracket()
    request = Request(given, made.settings)
    assert made.submit_batch([request] * 2) is None
    assert [made.submit(request).result().way for _ in range(2)] == ['bands'] * 2


def test_without_several_cameras_one_by_one_is_no_way(fallback_of):
    made = fallback_of(rows=8)
    assert made(bracket(height=16)).way == 'reference'
    assert network_of(made).given[:2] == [16, 16]
    assert len(network_of(made).given) == 2 + 3


def test_an_error_of_one_of_several_brackets_is_raised_and_no_shortage(fallback_of):
    made = fallback_of()
    frames = bracket(height=16).frames
    bad = Bracket.of(replace(frame, exposure_time=2e12 * 2**k) for k, frame in enumerate(frames))
    with pytest.raises(ValueError, match='expected exposures'):
        made.submit_batch([*two(), Request(bad, made.settings)])
    assert made.ladder.together
    assert made.ladder.problem == ''
