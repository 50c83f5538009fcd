# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros import network, weights
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.shipping import ship
from ddfnet_ros.training.start import start, unfreeze_flow
from ddfnet_ros.training.train import train

CPU = torch.device('cpu')


def equal(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(
        one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_model_gives_its_weights_alone(settings, tmp_path):
    path = tmp_path / 'wide.safetensors'
    wide = network.build({'architecture': 'fast', 'channels': 12, 'blocks': 1})
    checksum = weights.save(wide, path, {'minutes': 3.5, 'licence': 'MIT', 'data': 'mine'})
    state = start(replace(settings, start_from=str(path), rewarm=30, config=()), CPU)
    assert equal(state.model, wide)
    assert equal(state.average, wide)
    assert (state.step, state.ramp.start, state.ramp.length) == (0, 0, 30)
    assert state.history['started_from'] == {
        'model': 'wide', 'sha256': checksum, 'minutes': 3.5, 'licence': 'MIT', 'data': 'mine'}


def test_another_runs_checkpoint_is_gone_on_with(settings, tmp_path):
    before = train(settings)
    after = start(replace(settings, run=str(tmp_path / 'other'), start_from=settings.run), CPU)
    assert after.step == 4
    assert equal(before.model, after.model)
    moments = [s['exp_avg'] for s in after.optimizer.state.values()]
    assert moments
    assert any(moment.any() for moment in moments)


def test_the_runs_own_checkpoint_comes_first(settings, tmp_path):
    train(settings)
    other = replace(settings, run=str(tmp_path / 'other'), steps=2)
    train(other)
    assert start(replace(settings, start_from=other.run), CPU).step == 4


def test_what_is_not_there_is_named(settings, tmp_path):
    with pytest.raises(FileNotFoundError, match="got 'nothing'"):
        start(replace(settings, start_from='nothing'), CPU)
    with pytest.raises(FileNotFoundError, match='expected a checkpoint'):
        start(replace(settings, start_from=str(tmp_path)), CPU)


def test_a_missing_pwcnet_comes_with_ways_out(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(weights.finding, 'model_folders', lambda _: [tmp_path])
    with pytest.raises(FileNotFoundError, match=r'pwcnet: .*--recipe pwcnet.*--flow dis') as error:
        start(replace(settings, flow='pwcnet'), CPU)
    assert '\n' not in str(error.value)


def test_another_network_is_no_pwcnet(settings, tmp_path):
    path = tmp_path / 'fast.safetensors'
    weights.save(network.build({'architecture': 'fast'}), path, {})
    with pytest.raises(ValueError, match=r'pwcnet: expected a PWC-Net, got .*--flow dis'):
        start(replace(settings, flow='pwcnet', pwcnet=str(path)), CPU)


@pytest.fixture
def along(settings, pwcnet) -> TrainingSettings:
    """A run in which PWC-Net estimates the motion, and is trained along from the third step."""
    return replace(settings, flow='pwcnet', pwcnet=str(pwcnet), joint_from=2, epoch_patches=1,
                   vary_brackets=False, schedule='halving', halvings=())


def test_pwcnet_is_frozen_until_it_joins_and_then_shipped_beside_the_model(
        along, pwcnet, tmp_path):
    given = weights.load(pwcnet)
    frozen = train(replace(along, steps=2))
    assert equal(frozen.flow, given.model)
    assert frozen.flow_average is None
    ship(Path(along.run), tmp_path / 'frozen.safetensors')
    card = weights.load(tmp_path / 'frozen.safetensors').card
    assert (card['flow'], card['flow_sha256']) == ('pwcnet', given.sha256)

    train(replace(along, steps=3))
    joined = train(replace(along, steps=4))
    assert not equal(joined.flow_average, given.model)
    with pytest.raises(ValueError, match='give --pwcnet'):
        ship(Path(along.run), tmp_path / 'joint.safetensors')
    tuned = tmp_path / 'tuned/pwcnet.safetensors'
    ship(Path(along.run), tmp_path / 'joint.safetensors', pwcnet=tuned)
    card = weights.load(tmp_path / 'joint.safetensors').card
    assert card['flow_sha256'] == weights.load(tuned).sha256 != given.sha256

    whole = train(replace(along, run=str(tmp_path / 'whole'), steps=4))
    assert equal(whole.average, joined.average)
    assert equal(whole.flow_average, joined.flow_average)


def test_models_trained_with_a_borrowed_pwcnet_inherit_its_licence(along, pwcnet, tmp_path):
    borrowed = tmp_path / 'borrowed.safetensors'
    weights.save(weights.load(pwcnet).model, borrowed, {'licence': 'not for sale'}, torch.float16)
    train(replace(along, pwcnet=str(borrowed), steps=1))
    ship(Path(along.run), tmp_path / 'model.safetensors')
    assert weights.load(tmp_path / 'model.safetensors').card['licence'] \
        == 'yours to state; not for sale'


def test_a_run_keeps_its_frozen_pwcnet(along, tmp_path):
    train(replace(along, steps=1))
    other = tmp_path / 'other.safetensors'
    torch.manual_seed(5)
    weights.save(network.build({'architecture': 'pwcnet'}), other, {}, torch.float16)
    with pytest.raises(ValueError, match='pwcnet: expected the one that the run has had'):
        start(replace(along, pwcnet=str(other)), CPU)


def test_joining_twice_changes_nothing(along):
    state = start(along, CPU)
    unfreeze_flow(state)
    average = state.flow_average
    unfreeze_flow(state)
    assert state.flow_average is average


@pytest.mark.parametrize(('config', 'said'), [
    (('channels=0',), r'--config: expected values that make a network, got channels=0 \(.*; ch'),
    (('channels=4.5',), r'--config: expected values that make a network, got channels=4.5 \(ch'),
    (('foo=1', 'blocks=1'), r'--config: expected fields of fast \(channels, .*\), got foo; leave'),
    (('channels',), "--config: expected NAME=VALUE, got 'channels'; write"),
])
def test_a_config_that_makes_no_network_is_one_line(settings, config, said):
    with pytest.raises(ValueError, match=said) as error:
        start(replace(settings, config=config), CPU)
    assert '\n' not in str(error.value)
