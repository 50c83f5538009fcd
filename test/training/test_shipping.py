# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.cli import main
from ddfnet_ros.training.settings import TrainingSettings
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
def state_and_run(panorama_folder, tmp_path):
    settings = TrainingSettings(
        panoramas=str(panorama_folder), run=str(tmp_path / 'run'), steps=1, batch_size=1, patch=32,
        workers=0, device='cpu')
    return train(settings), tmp_path / 'run'


def test_shipped_model_holds_the_average_and_says_how_it_was_made(state_and_run, tmp_path):
    state, run = state_and_run
    ship(run, tmp_path / 'new.safetensors', EVALUATION)
    loaded = weights.load(tmp_path / 'new.safetensors')
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    assert loaded.card['steps'] == 1
    assert loaded.card['recipe']['batch_size'] == 1
    assert str(run) not in json.dumps(loaded.card)


def test_card_page_shows_measured_figures_and_checksum(state_and_run, tmp_path):
    _, run = state_and_run
    checksum = ship(run, tmp_path / 'new.safetensors', EVALUATION)
    page = cards(tmp_path)
    assert '## new' in page
    assert checksum in page
    assert '| psnr_mu | 30 ± 1 | 34.5 ± 0.5 | 4 |' in page


def test_folder_without_a_run_is_one_line(tmp_path, capsys):
    assert main(['weights', 'ship', str(tmp_path), str(tmp_path / 'x.safetensors')]) == 2
    assert capsys.readouterr().err.count('\n') == 1
