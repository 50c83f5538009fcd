# SPDX-License-Identifier: Apache-2.0
"""Another model, tone map or key while the node runs; one node for all."""

import shutil
import threading

import pytest
import torch
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from ddfnet_ros import weights
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.node import models
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.in_flight import InFlight

from .conftest import started

IMAGE = '/fuse_node/image'


@pytest.fixture(scope='module')
def other(tmp_path_factory):
    """Path of a second model, with more channels."""
    path = tmp_path_factory.mktemp('models') / 'other.safetensors'
    torch.manual_seed(2)
    weights.save(FastFusion(FastConfig(channels=12, blocks=1)), path, {})
    return path


@pytest.fixture(scope='module')
def shared(ros, model):
    bench = started(model=str(model))
    yield bench
    bench.close()


@pytest.fixture(autouse=True)
def _first_model_again(shared, model):
    yield
    ask(shared, 'model', str(model))
    shared.spin_until(lambda: in_use(shared) == 'tiny', 'first model')


def ask(bench, name, value):
    """Set a parameter over its service; gives the reason of a refusal."""
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    (result,) = bench.call('set_parameters', SetParameters, request).results
    return '' if result.successful else result.reason


def fuse(bench):
    """One more bracket and its picture."""
    fuse.second += 1
    bench.send_bracket(fuse.second * 10**9)
    while (message := bench.next(IMAGE)).header.stamp.sec != fuse.second:
        pass
    return bytes(message.data)


fuse.second = 0


def counted(bench):
    """The counts with the latest picture in them; it may be seen before it is counted."""
    counts = {}
    bench.spin_until(lambda: counts.update(bench.counts()) or
                     counts['brackets_fused'] == str(fuse.second), 'count of the latest picture')
    return counts


def in_use(bench):
    """Name of the model that made the latest picture."""
    fuse(bench)
    return bench.counts()['model']


def test_tone_map_and_key_change_between_two_brackets(shared):
    pictures = [fuse(shared)]
    for name, value in (('tone_map', 'key'), ('key', 0.05), ('tone_map', 'mu_colour')):
        assert ask(shared, name, value) == ''
        pictures.append(fuse(shared))
    assert pictures[0] == pictures[3]
    assert len(set(pictures)) == 3


def test_parameters_are_served_while_a_bracket_is_fused(shared, monkeypatch):
    run, let_go, begun = Deghoster.submit, threading.Event(), threading.Event()

    def slowly(self, request):
        begun.set()
        let_go.wait(20)
        return run(self, request)

    monkeypatch.setattr(Deghoster, 'submit', slowly)
    fuse.second += 1
    shared.send_bracket(fuse.second * 10**9)
    shared.spin_until(begun.is_set, 'fusion')
    assert ask(shared, 'mu', 4000.0) == ''
    let_go.set()
    shared.next(IMAGE)
    assert ask(shared, 'mu', 5000.0) == ''


def test_another_model_takes_over_and_every_bracket_is_fused(shared, other, monkeypatch):
    load, let_go = models._load, threading.Event()

    def slowly(settings, bracket):
        let_go.wait(20)
        return load(settings, bracket)

    monkeypatch.setattr(models, '_load', slowly)
    before = counted(shared)
    assert ask(shared, 'model', str(other)) == ''
    for _ in range(3):
        assert in_use(shared) == 'tiny'
    let_go.set()
    shared.spin_until(lambda: in_use(shared) == 'other', 'other model')
    after = counted(shared)
    received, fused = (int(after[key]) - int(before[key])
                       for key in ('images_received', 'brackets_fused'))
    assert received == 3 * fused
    assert {k: v for k, v in after.items() if k.startswith('dropped')} == {
        k: v for k, v in before.items() if k.startswith('dropped')}


def test_of_several_models_asked_for_only_the_last_one_is_loaded(
        shared, model, other, monkeypatch):
    load, let_go, loaded = models._load, threading.Event(), []

    def slowly(settings, bracket):
        loaded.append(settings.model)
        let_go.wait(20)
        return load(settings, bracket)

    monkeypatch.setattr(models, '_load', slowly)
    for path in (other, model, model, other):
        assert ask(shared, 'model', str(path)) == ''
        shared.spin_until(lambda: loaded, 'first load')
    assert ask(shared, 'model', 'superb') != ''
    let_go.set()
    shared.node._fusion.engine._loader.submit(int).result(20)  # behind all that was asked for
    assert in_use(shared) == 'other'
    assert set(loaded) == {str(other)}


def test_a_model_that_is_not_there_is_refused_by_name(shared):
    reason = ask(shared, 'model', 'superb')
    assert 'superb' in reason
    assert '\n' not in reason
    assert shared.node.get_parameter('model').value != 'superb'


def test_a_model_that_cannot_be_loaded_is_a_warning_and_the_old_one_goes_on(
        shared, model, other, tmp_path):
    broken = tmp_path / 'broken.safetensors'
    shutil.copy(model, broken)
    broken.write_bytes(broken.read_bytes()[:1000])
    assert ask(shared, 'model', str(broken)) == ''
    counts = {}
    shared.spin_until(lambda: counts.update(shared.counts()) or
                      'cannot load model' in counts['message'], 'warning')
    assert (counts['level'], counts['model']) == (DiagnosticStatus.WARN, 'tiny')
    assert 'staying with tiny' in counts['message']
    assert in_use(shared) == 'tiny'
    shutil.copy(other, broken)  # repaired
    assert ask(shared, 'tone_map', 'mu') == ''  # which is no reason to try
    assert ask(shared, 'model', str(broken)) == ''
    shared.spin_until(lambda: in_use(shared) == 'broken', 'the model that was repaired')
    assert shared.counts()['level'] == DiagnosticStatus.OK


@pytest.mark.parametrize(('owner', 'where'), [(Deghoster, 'submit'), (InFlight, 'results')])
def test_brackets_are_fused_without_memory_too_and_that_is_a_warning_until_it_is_back(
        shared, monkeypatch, owner, where):
    whole, left = fuse(shared), [1]
    run = getattr(owner, where)
    before = int(shared.counts().get('out_of_memory.caches', 0))

    def starving(*arguments):
        left[0] -= 1
        if left[0] >= 0:
            raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')
        return run(*arguments)

    monkeypatch.setattr(shared.node._fusion.engine._deghoster.ladder, '_wait', 1)
    monkeypatch.setattr(owner, where, starving)
    assert fuse(shared) == whole  # with caches freed
    counts = shared.counts()
    assert counts['level'] == DiagnosticStatus.WARN
    assert counts['message'] == 'out of memory: freed caches, fusing as always'
    assert int(counts['out_of_memory.caches']) == before + 1
    shared.spin_until(lambda: fuse(shared) == whole and
                      shared.counts()['level'] == DiagnosticStatus.OK, 'all well')
    assert not any(key.startswith('dropped') for key in shared.counts())
