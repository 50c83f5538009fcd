# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros import network, weights
from ddfnet_ros.cli import main
from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.checkpoint import CHECKPOINT, SETTINGS
from ddfnet_ros.training.shipping import cards, ship
from ddfnet_ros.training.train import train

EVALUATION = {
    'panoramas': ['square.exr'], 'seed': 3,
    'methods': {
        'reference': {'psnr_mu': {'mean': 30.0, 'spread': 1.0, 'count': 4}},
        'fused': {'psnr_mu': {'mean': 34.5, 'spread': 0.5, 'count': 4}},
    },
}


@pytest.fixture
def state_and_run(settings):
    return train(replace(settings, steps=1)), Path(settings.run)


def test_shipped_model_holds_the_average_and_says_how_it_was_made(state_and_run, tmp_path):
    state, run = state_and_run
    ship(run, tmp_path / 'new.safetensors', EVALUATION)
    loaded = weights.load(tmp_path / 'new.safetensors')
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    assert loaded.card['steps'] == 1
    assert loaded.card['recipe']['batch_size'] == 1
    assert loaded.card['recipe']['recipe'] == 'budget'
    assert 'mu' not in loaded.card['recipe']  # which is as in the paper
    assert str(run) not in json.dumps(loaded.card)


def test_card_page_shows_measured_figures_and_checksum(state_and_run, tmp_path):
    _, run = state_and_run
    checksum = ship(run, tmp_path / 'new.safetensors', EVALUATION)
    page = cards(tmp_path)
    assert '## new' in page
    assert checksum in page
    assert '| psnr_mu | 30 ± 1 | 34.5 ± 0.5 | 4 |' in page


def test_a_card_says_where_its_figures_are_of_other_weights(state_and_run, tmp_path):
    _, run = state_and_run
    other = {**EVALUATION, 'sha256': {'fused': '0123abc'}}
    checksum = ship(run, tmp_path / 'new.safetensors', other)
    assert '**Measured with earlier weights of this name**, sha256 `0123abc`. Scenes from' \
        in cards(tmp_path)
    ship(run, tmp_path / 'new.safetensors', {**other, 'sha256': {'base': checksum}})
    assert 'earlier weights' not in cards(tmp_path)


def test_folder_without_a_run_is_one_line(tmp_path, capsys):
    assert main(['weights', 'ship', str(tmp_path), str(tmp_path / 'x.safetensors')]) == 2
    assert capsys.readouterr().err.count('\n') == 1


def test_a_checkpoint_from_before_facts_held_settings_is_shipped(state_and_run, tmp_path):
    state, run = state_and_run
    before = {**json.loads((run / SETTINGS).read_text()), 'steps': 4400}
    for since in ('recipe', 'config', 'flow', 'decay', 'pwcnet'):
        del before[since]
    (run / SETTINGS).write_text(json.dumps(before))
    fast = network.build({'architecture': 'fast'})
    average = {f'average.{name}': value for name, value in fast.state_dict().items()}
    weights.write(average, run / CHECKPOINT, {'facts': '{"step": 7, "seconds": 60.0}'})
    ship(run, tmp_path / 'new.safetensors')
    card = weights.load(tmp_path / 'new.safetensors').card
    assert (card['steps'], card['minutes'], card['flow']) == (7, 1.0, 'dis')
    assert card['recipe']['recipe'] == 'budget'
    assert state.step == 1


def test_a_model_trained_on_the_kalantari_set_says_so(state_and_run, tmp_path):
    _, run = state_and_run
    stored = checkpoint.read(run)
    stored.facts['settings']['dataset'] = 'kalantari'
    weights.write(stored.tensors, run / CHECKPOINT, {'facts': json.dumps(stored.facts)})
    ship(run, tmp_path / 'new.safetensors')
    card = weights.load(tmp_path / 'new.safetensors').card
    assert 'Kalantari' in card['data']
    assert card['licence'] != 'Apache-2.0'


def test_a_model_that_started_from_another_names_it(settings, state_and_run, tmp_path):
    checksum = ship(state_and_run[1], tmp_path / 'first.safetensors')
    second = replace(settings, run=str(tmp_path / 'second'), steps=1,
                     start_from=str(tmp_path / 'first.safetensors'))
    train(second)
    ship(tmp_path / 'second', tmp_path / 'models/second.safetensors')
    assert f'Started from the weights of `first` (0 minutes), sha256 `{checksum}`' \
        in cards(tmp_path / 'models')
    assert str(tmp_path) not in json.dumps(weights.load(
        tmp_path / 'models/second.safetensors').card)


def test_a_slim_checkpoint_is_made_and_shipped_by_command(state_and_run, tmp_path, capsys):
    state, run = state_and_run
    assert main(['weights', 'slim', str(run), str(tmp_path / 'slim')]) == 0
    assert 'step_1_part_1_of_1.safetensors' in capsys.readouterr().out
    assert main(['weights', 'ship', str(tmp_path / 'slim'), str(tmp_path / 'a.safetensors')]) == 0
    loaded = weights.load(tmp_path / 'a.safetensors')
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, atol=1e-3, rtol=1e-3)
