# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch

from ddfnet_ros import network, weights
from ddfnet_ros.cli import main
from ddfnet_ros.training.calibration import calibrate
from ddfnet_ros.training.cards import cards

CARD = {'steps': 1, 'minutes': 1, 'hardware': 'CPU', 'data': 'none', 'recipe': {}, 'licence': '-',
        'flow': 'dis'}


@pytest.mark.parametrize('dtype', [torch.float16, torch.float32])
def test_ranges_come_into_the_card_and_weights_stay(panorama_folder, tmp_path, capsys, dtype):
    path = tmp_path / 'mine.safetensors'
    model = network.build({'architecture': 'fast', 'blocks': 1})
    checksum = weights.save(model, path, CARD, dtype)
    assert main(['weights', 'calibrate', str(path), '--panoramas', str(panorama_folder),
                 '--batches', '1', '--json']) == 0
    ranges = weights.load(path).card['ranges']
    assert json.loads(capsys.readouterr().out) == {'ranges': {str(path): len(ranges)}}
    assert weights.load(path).sha256 == checksum
    low, high = ranges['encoder.0']
    assert low == 0
    assert high > 0.01
    assert f'ranges of what its {len(ranges)} convolutions' in cards(tmp_path)


def test_a_network_that_openvino_does_not_compute_is_refused(panorama_folder, tmp_path):
    path = tmp_path / 'base.safetensors'
    weights.save(network.build({'architecture': 'ddfnet', 'width': 8}), path, CARD)
    with pytest.raises(ValueError, match='a network that OpenVINO computes'):
        calibrate(path, panorama_folder, None, 1)


def test_no_batches_are_refused_and_ranges_stay(panorama_folder, tmp_path, capsys):
    path = tmp_path / 'mine.safetensors'
    weights.save(network.build({'architecture': 'fast', 'blocks': 1}), path,
                 CARD | {'ranges': {'encoder.0': [0, 1]}})
    assert main(['weights', 'calibrate', str(path), '--panoramas', str(panorama_folder),
                 '--batches', '0']) == 2
    assert '--batches: expected at least 1, got 0; ' in capsys.readouterr().err
    assert weights.load(path).card['ranges'] == {'encoder.0': [0, 1]}
