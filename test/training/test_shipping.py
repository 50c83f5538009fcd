# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ddfnet_ros import network, weights
from ddfnet_ros.cli import main
from ddfnet_ros.images import write_exr
from ddfnet_ros.training import checkpoint, sources
from ddfnet_ros.training.cards import cards
from ddfnet_ros.training.checkpoint import CHECKPOINT, SETTINGS
from ddfnet_ros.training.shipping import Mix, ship
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


def test_a_mean_of_two_models_lies_between_them_and_says_so(state_and_run, tmp_path):
    state, run = state_and_run
    other = network.build(network.describe(state.average))
    checksum = weights.save(other, tmp_path / 'other.safetensors',
                            {'flow': 'dis', 'licence': sources.UNSTATED, 'steps': 1,
                             'minutes': 1, 'hardware': 'CPU', 'data': 'none', 'recipe': {}})
    assert main(['weights', 'ship', str(run), str(tmp_path / 'mean.safetensors'), '--mix',
                 str(tmp_path / 'other.safetensors'), '--share', '0.25']) == 0
    loaded = weights.load(tmp_path / 'mean.safetensors')
    for name, value in loaded.model.state_dict().items():
        mean = 0.75 * state.average.state_dict()[name] + 0.25 * other.state_dict()[name]
        torch.testing.assert_close(value, mean, atol=1e-3, rtol=1e-3)
    assert loaded.card['mixed_with'] == {'model': 'other', 'sha256': checksum, 'share': 0.25}
    assert f'Mixed with the weights of `other`, of which it has 25%, sha256 `{checksum}`' \
        in cards(tmp_path)


@pytest.mark.parametrize(('card', 'what'), [
    ({'flow': 'pwcnet', 'licence': sources.UNSTATED}, 'flow'),
    ({'flow': 'dis', 'licence': 'CC BY-NC-SA 4.0'}, 'licence'),
])
def test_models_that_do_not_belong_together_are_not_mixed(state_and_run, tmp_path, card, what):
    state, run = state_and_run
    other = tmp_path / 'other.safetensors'
    weights.save(state.average, other, card)
    with pytest.raises(ValueError, match=f'other.safetensors: expected the same {what} as of'):
        ship(run, tmp_path / 'mean.safetensors', mix=Mix(other))
    assert not (tmp_path / 'mean.safetensors').exists()


def test_a_share_is_a_share():
    with pytest.raises(ValueError, match='share: expected 0 to 1'):
        Mix(Path('x.safetensors'), 1.5)


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
    checksum = ship(run, tmp_path / 'new.safetensors')
    loaded = weights.load(tmp_path / 'new.safetensors')
    weights.save(loaded.model, tmp_path / 'new.safetensors', loaded.card | {'evaluation': other},
                 torch.float16)
    assert '**Measured with earlier weights of this name**, sha256 `0123abc`. Scenes from' \
        in cards(tmp_path)
    ship(run, tmp_path / 'new.safetensors', {**other, 'sha256': {'base': checksum}})
    assert 'earlier weights' not in cards(tmp_path)


def test_an_evaluation_of_other_weights_is_refused_and_nothing_written(
        state_and_run, tmp_path, capsys):
    (tmp_path / 'other.json').write_text(json.dumps({**EVALUATION, 'sha256': {'fused': '0123'}}))
    assert main(['weights', 'ship', str(state_and_run[1]), str(tmp_path / 'x.safetensors'),
                 '--evaluation', str(tmp_path / 'other.json')]) == 2
    assert '--evaluation: expected one of these weights, sha256 ' in capsys.readouterr().err
    assert not (tmp_path / 'x.safetensors').exists()


def test_options_that_would_change_nothing_are_refused(state_and_run, tmp_path, capsys):
    words = ['weights', 'ship', str(state_and_run[1]), str(tmp_path / 'x.safetensors')]
    for more, said in ((['--share', '2'], '--share: expected --mix as well, got 2 alone; leave'),
                       (['--pwcnet', 'y.safetensors'], '--pwcnet: expected none, as ')):
        assert main([*words, *more]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / 'x.safetensors').exists()


def test_a_run_that_went_on_is_shipped_though_a_slim_checkpoint_lies_beside(
        state_and_run, settings, tmp_path):
    run = str(state_and_run[1])
    assert main(['weights', 'slim', run, run]) == 0
    train(replace(settings, steps=3))
    assert card_of(Path(run), tmp_path)['steps'] == 3


def test_a_card_of_others_may_say_next_to_nothing(tmp_path):
    weights.save(network.build({'architecture': 'fast'}), tmp_path / 'bare.safetensors',
                 {'licence': 'MIT'})
    page = cards(tmp_path)
    assert '- Trained: its card does not say\n' in page
    assert '- Data: its card does not say\n- Recipe: its card does not say\n' in page
    assert '- Licence: MIT\n' in page


def test_folder_without_a_run_is_one_line(tmp_path, capsys):
    assert main(['weights', 'ship', str(tmp_path), str(tmp_path / 'x.safetensors')]) == 2
    assert capsys.readouterr().err.count('\n') == 1


@pytest.mark.parametrize(('text', 'got'), [('notes', 'no JSON (Exp'), ('[1]', 'other JSON;'),
                                           ('{"methods": {}}', 'other JSON;')])
def test_an_evaluation_that_is_none_is_named(state_and_run, tmp_path, capsys, text, got):
    (tmp_path / 'a.txt').write_text(text)
    assert main(['weights', 'ship', str(state_and_run[1]), str(tmp_path / 'x.safetensors'),
                 '--evaluation', str(tmp_path / 'a.txt')]) == 2
    said = capsys.readouterr().err
    assert f'{tmp_path}/a.txt: expected what `ddfnet evaluate --json` wrote, got {got}' in said
    assert not (tmp_path / 'x.safetensors').exists()


def test_a_checkpoint_from_before_facts_held_settings_is_shipped(state_and_run, tmp_path):
    state, run = state_and_run
    before = {**json.loads((run / SETTINGS).read_text()), 'steps': 4400}
    for since in ('recipe', 'config', 'flow', 'ema_decay', 'pwcnet'):
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
    assert card['data'].startswith('Photographed brackets: the data set of Kalantari')
    assert card['licence'].startswith('that of the data set of Kalantari')


@pytest.fixture
def known(settings, monkeypatch):
    """As if the shipped models had been trained on what these tests train on."""
    found = sources.digest(Path(settings.panoramas), '*.exr')
    monkeypatch.setattr(sources, '_POLY_HAVEN', found['sha256'])


def card_of(run, tmp_path):
    ship(run, tmp_path / 'new.safetensors')
    return weights.load(tmp_path / 'new.safetensors').card


def test_panoramas_of_the_user_are_neither_poly_havens_nor_free(state_and_run, tmp_path):
    card = card_of(state_and_run[1], tmp_path)
    assert card['data'] == 'Scenes synthesised from 1 panorama of your own.'
    assert card['licence'] == 'yours to state'


def test_the_panoramas_of_the_shipped_models_are_known_whatever_their_names(
        known, settings, tmp_path):
    folder = tmp_path / 'renamed'
    folder.mkdir()
    (folder / 'a.exr').write_bytes(Path(settings.panoramas, 'noise.exr').read_bytes())
    train(replace(settings, steps=1, panoramas=str(folder)))
    card = card_of(Path(settings.run), tmp_path)
    assert '62 Poly Haven panoramas (CC0)' in card['data']
    assert card['licence'] == 'Apache-2.0'


def test_one_folder_of_the_user_later_on_is_enough_to_claim_nothing(known, settings, tmp_path):
    train(replace(settings, steps=1))
    write_exr(tmp_path / 'mine.exr', np.ones((64, 128, 3), np.float32))
    train(replace(settings, steps=2, panoramas=str(tmp_path)))
    card = card_of(Path(settings.run), tmp_path)
    assert card['data'] == 'Scenes synthesised from 2 panoramas of your own.'
    assert card['licence'] == 'yours to state'


def test_a_checkpoint_that_does_not_tell_claims_nothing(known, state_and_run, settings, tmp_path):
    stored = checkpoint.read(state_and_run[1])
    del stored.facts['history']['sources']
    weights.write(stored.tensors, state_and_run[1] / CHECKPOINT,
                  {'facts': json.dumps(stored.facts)})
    train(replace(settings, steps=2))  # on known ones, but before?
    card = card_of(state_and_run[1], tmp_path)
    assert card['data'] == 'Scenes synthesised from panoramas of your own.'
    assert card['licence'] == 'yours to state'


def test_what_starts_from_weights_of_another_licence_has_that_licence(known, settings, tmp_path):
    weights.save(network.build(settings.network), tmp_path / 'first.safetensors',
                 {'licence': 'for research only'})
    train(replace(settings, steps=1, start_from=str(tmp_path / 'first.safetensors')))
    assert card_of(Path(settings.run), tmp_path)['licence'] == 'for research only'


def test_what_starts_from_weights_says_what_those_have_learnt_from(known, settings, tmp_path):
    weights.save(network.build(settings.network), tmp_path / 'first.safetensors',
                 {'licence': 'for research only', 'data': 'My own photographs.'})
    train(replace(settings, steps=1, start_from=str(tmp_path / 'first.safetensors')))
    data = card_of(Path(settings.run), tmp_path)['data']
    assert data.endswith('public-domain cut-outs. Before that: My own photographs.')


def test_photographs_stay_in_the_card_and_so_do_all_licences(known, settings):
    history = {'started_from': {'licence': 'for research only', 'data': 'Mine.'},
               'flow': {'licence': 'CC BY-NC-SA'}}
    sources.note(history, replace(settings, dataset='kalantari'), 0)
    sources.note(history, settings, 1)
    assert sources.describe_data(history, settings) == (
        'Photographed brackets: the data set of Kalantari and Ramamoorthi (2017). '
        'Scenes synthesised from 62 Poly Haven panoramas (CC0) and public-domain cut-outs. '
        'Before that: Mine.')
    assert sources.licence(history, settings) == (
        'that of the data set of Kalantari and Ramamoorthi (2017); for research only; '
        'CC BY-NC-SA')


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
    assert main(['weights', 'slim', str(run), str(tmp_path / 'slim'), '--json']) == 0
    files = json.loads(capsys.readouterr().out)['bytes']
    assert {Path(file).stat().st_size for file in files} == set(files.values())
    assert main(['weights', 'ship', str(tmp_path / 'slim'), str(tmp_path / 'a.safetensors'),
                 '--json']) == 0
    checksum = weights.load(tmp_path / 'a.safetensors').sha256
    assert json.loads(capsys.readouterr().out) == {
        'sha256': {str(tmp_path / 'a.safetensors'): checksum}}
    loaded = weights.load(tmp_path / 'a.safetensors')
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, atol=1e-3, rtol=1e-3)
