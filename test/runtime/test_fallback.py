# SPDX-License-Identifier: Apache-2.0
import threading
import weakref
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.runtime import fallback
from ddfnet_ros.runtime.begun import Begun
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.fallback import FallbackDeghoster
from ddfnet_ros.runtime.memory import give_back_freed_memory, is_shortage
from ddfnet_ros.runtime.reference import reference_alone
from ddfnet_ros.settings import DeghosterSettings

from .conftest import small_fast

EXPOSURES = (0.001, 0.004, 0.016)
HEIGHT = 328
SHORTAGES = {
    'torch on a GPU': torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
    'Python': MemoryError(),
    'torch on a CPU': RuntimeError('DefaultCPUAllocator: not enough memory: you tried to '
                                   'allocate 8 bytes.'),
    'cuDNN': RuntimeError('cuDNN error: CUDNN_STATUS_ALLOC_FAILED'),
    'cuDNN 9': RuntimeError('cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED'),
    'cuDNN without room for its workspace': RuntimeError(
        'GET was unable to find an engine to execute this computation'),
}


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """A folder with small untrained models: `fast`, and `other` of another structure."""
    folder = tmp_path_factory.mktemp('models')
    weights.save(small_fast(), folder / 'fast.safetensors', {})
    weights.save(DDFNet(DDFNetConfig(structure='mean')), folder / 'other.safetensors', {})
    return folder


@pytest.fixture
def fallback_of(models, monkeypatch):
    """Makes a deghoster whose network needs memory for as many rows as it is given."""
    monkeypatch.setenv('DDFNET_MODELS', str(models))
    monkeypatch.setenv('AMENT_PREFIX_PATH', '')

    def make(model='fast', rows=10**6, error=SHORTAGES['torch on a GPU'], brackets=9):
        made = FallbackDeghoster(settings_for(model))
        made._first._stacked.model = Hungry(made._first._stacked.model, rows, error, brackets)
        return made
    return make


class Hungry:
    """A network that runs out of memory.

    Attributes:
        rows: That there is memory for.
        brackets: That there is memory for at once.
        given: Rows that it was asked for, and whether it could.
        batches: Brackets likewise.
    """

    def __init__(self, network, rows, error, brackets):
        self.network, self.rows, self.error = network, rows, error
        self.brackets, self.batches = brackets, []
        self.reach, self.shares, self.multiple = network.reach, network.shares, network.multiple
        self.given = []
        self.left = lambda: None

    def __call__(self, stack, flow, reference_index):
        assert self.left() is None, 'a failed attempt still holds its memory'
        rows = stack.shape[-2]
        self.given.append(rows)
        self.batches.append(len(stack))
        if rows > self.rows or len(stack) > self.brackets:
            made = stack.clone()
            self.left = weakref.ref(made)
            raise type(self.error)(*self.error.args)
        return self.network(stack, flow, reference_index)


def settings_for(model):
    return DeghosterSettings(model=model, device='cpu', threads=1, precision='float32',
                             backend='torch')


def bracket(dtype=np.uint8, channels=3, height=HEIGHT):
    rng = np.random.default_rng(3)
    base = cv2.resize(rng.random((20, 8, 3)).astype(np.float32), (32, height)).clip(0.02, 1) / 4
    frames = []
    for exposure in EXPOSURES:
        ldr = np.clip(base * exposure / EXPOSURES[0], 0, 1) ** (1 / 2.2)
        top = np.iinfo(dtype).max if dtype != np.float32 else 1
        pixels = (ldr * top).astype(dtype)
        frames.append(Frame(pixels=pixels if channels == 3 else pixels[..., 0],
                            exposure_time=exposure))
    return Bracket.of(frames)


def network_of(made):
    return made._first._stacked.model


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
    assert made.counts == {'whole': 0, 'caches': 1, 'single': 0, 'bands': 0, 'reference': 0}
    assert caplog.text.count('freed caches') == 1
    assert 'freed caches' in made.problem


def test_bands_give_the_picture_of_the_whole(fallback_of, caplog):
    made, given = fallback_of(rows=250), bracket()
    expected = Deghoster(settings_for('fast'))(given)
    for _ in range(5):
        fused = made(given)
        np.testing.assert_allclose(fused.radiance, expected.radiance, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            fused.shares(), expected.shares(), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(fused.image.astype(int), expected.image.astype(int), atol=1)
    assert made.counts['bands'] == 5
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
        before = made.counts[way]
        made(bracket(channels=channels))
        assert made.counts[way] == before + 1


def test_without_room_for_the_model_fast_on_the_cpu_takes_over(fallback_of, caplog):
    made, given = fallback_of('other', rows=0), bracket()
    assert made.in_use.model_name == 'other'
    expected = Deghoster(settings_for('fast'))(given)
    for _ in range(2):
        fused = made(given)
        np.testing.assert_allclose(fused.radiance, expected.radiance, rtol=0.05, atol=1)
    assert (made.in_use.model_name, made.in_use.device) == ('fast', 'cpu')
    assert made.counts['cpu'] == 2
    assert caplog.text.count('fast on the CPU') == 1


@pytest.mark.parametrize(('model', 'ways'), [
    ('other', ['whole', 'caches', 'single', 'bands', 'cpu', 'reference']),
    ('fast', ['whole', 'caches', 'single', 'bands', 'reference']),
])
def test_where_nothing_fits_the_reference_frame_is_published(
        fallback_of, monkeypatch, caplog, model, ways):
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
    assert list(made.counts) == ways
    assert made.counts['reference'] == 1
    assert caplog.text.count('reference frame') == 1


def test_when_memory_returns_the_best_way_does_and_is_told_once(
        fallback_of, monkeypatch, caplog):
    monkeypatch.setattr(fallback, '_FIRST_WAIT', 1)
    made, given = fallback_of('other', rows=0), bracket(height=16)
    made(given)
    spare = weakref.ref(made._spare)
    network_of(made).rows = 10**6
    caplog.clear()
    problems = []
    for _ in range(25):
        made(given)
        problems.append(made.problem)
    assert made.problem == ''
    assert min(Counter(problems).values()) >= 2  # each way is given time to prove itself
    assert made.in_use.model_name == 'other'
    assert spare() is None
    assert made.counts['whole'] > 10
    assert [record.message for record in caplog.records] == [
        'there is memory again: fusing as always']


def test_a_better_way_that_still_fails_is_tried_ever_more_rarely(fallback_of, caplog):
    made, given = fallback_of(rows=0), bracket(height=16)
    for _ in range(200):
        made(given)
    assert made.counts['reference'] == 200
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
    assert made.problem == ''


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


def two():
    """Two brackets that agree, and the settings of two cameras."""
    given, settings = bracket(height=16), settings_for('fast')
    return [(given, settings), (given, replace(settings, tone_map='mu'))]


def together(made):
    """What becomes of two brackets: fused together, or one by one where that is asked for."""
    asked = two()
    pending = made.submit_together(asked)
    if pending is None:
        pending = []
        for each, made.settings in asked:
            pending.append(made.submit(each))
    return [one.result() for one in pending]


def test_brackets_that_memory_is_too_short_for_together_are_fused_one_by_one(
        fallback_of, caplog):
    made = fallback_of(brackets=1)
    expected = [Deghoster(settings)(of) for of, settings in two()]
    for _ in range(5):
        for alone, found in zip(expected, together(made), strict=True):
            np.testing.assert_array_equal(found.radiance, alone.radiance)
            np.testing.assert_array_equal(found.image, alone.image)
    assert made.counts == {'whole': 0, 'caches': 0, 'single': 10, 'bands': 0, 'reference': 0}
    assert network_of(made).batches == [2, 2] + 10 * [1]  # the second try has caches freed
    assert [record.message.split(' (')[0] for record in caplog.records] == [
        'out of memory: freed caches, fusing as always',
        'out of memory: fusing brackets one by one']
    assert made.problem == 'out of memory: fusing brackets one by one'
    assert not made.together


def test_when_memory_returns_brackets_are_fused_together_again_and_that_is_told_once(
        fallback_of, monkeypatch, caplog):
    monkeypatch.setattr(fallback, '_FIRST_WAIT', 2)
    made = fallback_of(brackets=1)
    together(made)
    network_of(made).brackets = 2
    caplog.clear()
    found = [together(made)[0].together for _ in range(15)]
    assert found[0] == 1
    assert found[-5:] == [2] * 5
    assert made.problem == ''
    assert [record.message for record in caplog.records] == [
        'there is memory again: fusing as always']


def test_fused_together_that_still_fail_are_tried_ever_more_rarely(fallback_of, caplog):
    made = fallback_of(brackets=1)
    for _ in range(400):
        together(made)
    assert network_of(made).batches.count(2) <= 2 + 2 * 5
    assert made.counts['reference'] == made.counts['bands'] == 0
    assert len(caplog.records) == 2


def test_where_each_needs_bands_those_are_taken_for_brackets_of_all_cameras(fallback_of):
    made, given = fallback_of(rows=250), bracket()
    assert made.submit_together([(given, made.settings)] * 2) is None
    for _ in range(2):
        made.submit(given).result()
    assert made.counts['bands'] == 2


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
        made.submit_together([*two(), (bad, made.settings)])
    assert made.together
    assert made.problem == ''


class LateShortages:
    """Has results that are waited for run out of memory.

    Attributes:
        left: How many of them still do.
        least: Bands without which all do.
        bands: Those that they were fused in, of all that were waited for.
    """

    def __init__(self, monkeypatch, error=SHORTAGES['torch on a GPU']):
        self.left, self.least, self.bands = 0, 1, []
        results, failed = Begun.results, lambda: None

        def scarce(begun):
            nonlocal failed
            assert failed() is None, 'a failed attempt still holds its memory'
            self.bands.append(begun.bands)
            self.left -= 1
            if self.left < 0 and begun.bands >= self.least:
                return results(begun)
            failed = weakref.ref(begun)
            raise type(error)(*error.args)

        monkeypatch.setattr(Begun, 'results', scarce)


@pytest.fixture
def late(monkeypatch):
    return LateShortages(monkeypatch)


def test_a_shortage_that_shows_in_a_result_costs_nothing_but_time(fallback_of, late, caplog):
    made, given = fallback_of(), bracket()
    expected = Deghoster(settings_for('fast'))(given)
    late.left = 1
    pending = made.submit(given)
    fused = pending.result()
    np.testing.assert_array_equal(fused.radiance, expected.radiance)
    assert pending.result() is fused
    assert (fused.bracket, fused.way) == (given, 'caches')
    assert made.counts == {'whole': 0, 'caches': 1, 'single': 0, 'bands': 0, 'reference': 0}
    assert [record.message.split(' (')[0] for record in caplog.records] == [
        'out of memory: freed caches, fusing as always']
    assert 'freed caches' in made.problem
    assert made(given).way == 'caches'


def test_results_that_still_run_out_go_way_by_way_to_the_reference_frame(
        fallback_of, late, caplog):
    made, given = fallback_of(), bracket()
    late.left = 100
    fused = made(given)
    np.testing.assert_array_equal(fused.radiance, reference_alone(given, made.settings).radiance)
    assert late.bands == [1, 1, 2, 4, 8]
    assert made.counts['reference'] == sum(made.counts.values()) == 1
    assert len(caplog.records) == 3  # freed caches, bands, the reference frame
    late.left = 0
    assert made(given).way == 'reference'  # and not at once again what has just failed


def test_of_two_pending_brackets_that_run_out_none_is_lost_and_one_tells(
        fallback_of, late, caplog):
    made, given = fallback_of(), bracket(height=16)
    pending = [made.submit(given) for _ in range(2)]
    waits = made._wait
    late.left = 1
    assert pending[0].result().way == 'caches'
    late.left = 1
    assert pending[1].result().way == 'caches'  # which nothing is known against
    assert made.counts['caches'] == 2
    assert made._wait == 2 * waits
    assert len(caplog.records) == 1


def test_what_is_fused_anew_keeps_the_settings_that_it_was_submitted_with(fallback_of, late):
    made, given = fallback_of(), bracket(height=16)
    expected = Deghoster(settings_for('fast'))(given)
    pending = made.submit(given)
    made.settings = other = replace(made.settings, tone_map='key', key=0.05)
    late.left = 1
    np.testing.assert_array_equal(pending.result().image, expected.image)
    assert made.settings is other


def test_what_is_fused_anew_waits_until_no_other_is_submitted(fallback_of, late, monkeypatch):
    made, given = fallback_of(), bracket(height=16)
    pending, submit = made.submit(given), Deghoster.submit
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
    others = [threading.Thread(target=made.submit, args=[given]),
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
    expected = [Deghoster(settings)(of) for of, settings in two()]
    pending = made.submit_together(two())
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
    pending = made.submit(given)
    late.left = 100
    with monkeypatch.context() as patch:
        patch.setattr(fallback, 'reference_alone', lambda *_: bytearray(2**62))
        with pytest.raises(MemoryError, match='choose smaller images'):
            pending.result()
    assert not any(made.counts.values())
    late.left = 0
    assert pending.result().way == 'caches'
    assert sum(made.counts.values()) == 1


@pytest.mark.parametrize('error', [ValueError('bad'), RuntimeError('an illegal memory access')])
def test_other_errors_of_results_are_not_for_it(fallback_of, monkeypatch, error):
    late, made = LateShortages(monkeypatch, error), fallback_of()
    late.left = 1
    with pytest.raises(type(error), match=str(error)):
        made(bracket(height=16))
    assert late.bands == [1]
    assert made.problem == ''
