# SPDX-License-Identifier: Apache-2.0
"""What a weights file says of itself is checked when it is read, before anybody goes by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ddfnet_ros import network, weights
from ddfnet_ros.network.fast import FastConfig, FastFusion

NAN, INF = float('nan'), float('inf')
CARD = {
    'flow': 'pwcnet', 'flow_sha256': '0' * 64, 'licence': 'Apache-2.0', 'minutes': 24.7,
    'steps': 8000, 'ranges': {'encoder.0': [0, 7.666], 'frame_mix': [-1.5, 0.0]},
    'started_from': {'model': 'fast', 'sha256': '0' * 64, 'minutes': 3},
    'mixed_with': {'model': 'base', 'sha256': '0' * 64, 'share': 0.3},
    'evaluation': {'methods': {'fused': {}}, 'panoramas': ['night'], 'seed': 1},
    'whatever': [None],
}


def saved(tmp_path: Path, card: Any) -> Path:
    path = tmp_path / 'small.safetensors'
    weights.save(FastFusion(FastConfig(channels=8, context=8, blocks=1)), path, card)
    return path


def refused(path: Path) -> str:
    """What is said about a file that cannot be used, without the name and the remedy."""
    with pytest.raises(weights.WeightsError) as error:
        weights.load(path)
    named, _, said = str(error.value).partition(': ')
    assert named == str(path)
    said, _, remedy = said.partition('; ')
    assert remedy.startswith('copy the file again, or choose')
    assert '\n' not in remedy
    return said


@pytest.mark.parametrize('card', [CARD, {}, {'ranges': {}}])
def test_a_card_may_say_all_or_nothing(tmp_path, card):
    assert weights.load(saved(tmp_path, card)).card == card


@pytest.mark.parametrize(('name', 'value', 'said'), [
    ('flow', ['dis'], "to be a name, got ['dis']"),
    ('flow_sha256', 5, 'to be a checksum, got 5'),
    ('licence', None, 'to be text, got None'),
    ('minutes', '3', "to be a number, got '3'"),
    ('minutes', NAN, 'to be a number, got nan'),
    ('steps', 2.5, 'to be a whole number, got 2.5'),
    ('ranges', [[0, 1]], 'to be an object of ranges, got [[0, 1]]'),
    ('started_from', {'model': 'fast'}, "to be a model with minutes and sha256, got {'model'"),
    ('mixed_with', 'base', "to be a model with share and sha256, got 'base'"),
    ('evaluation', {'methods': {}}, 'to be what `ddfnet evaluate --json` wrote, got {'),
])
def test_an_entry_of_another_kind_is_one_line(tmp_path, name, value, said):
    found = refused(saved(tmp_path, {**CARD, name: value}))
    assert found.startswith(f'expected {name} in its card {said}')


@pytest.mark.parametrize('ends', [
    3.0, '01', ['0', '1'], [0], [0, 1, 2], [0, NAN], [-INF, 0], [0, 10**400], [1, -1], [1, 2],
    [False, True], None])
def test_what_is_no_range_is_one_line(tmp_path, ends):
    ranges = {'encoder.0': [0.0, 7.666], 'correlation.shared': ends}
    found = refused(saved(tmp_path, {'ranges': ranges}))
    assert found.startswith('expected ranges of correlation.shared in its card to be [low, high] '
                            'around 0, got ')


@pytest.mark.parametrize(('architecture', 'field', 'value', 'expected'), [
    ('fast', 'moved', 'no', 'bool'), ('fast', 'cell', True, 'int'), ('fast', 'blocks', 1.0, 'int'),
    ('ddfnet', 'frames', '3', 'int'), ('ddfnet', 'dense_relu', 0, 'bool'),
    ('kalantari17', 'channels', 100, 'tuple'), ('pwcnet', 'radius', None, 'int'),
])
def test_a_field_of_a_config_has_the_type_of_its_default(
    tmp_path, architecture, field, value, expected
):
    config = {'architecture': architecture, field: value}
    said = f'{field}: expected {expected}, got {value!r}'
    with pytest.raises(ValueError, match=said):
        network.build(config)
    path = tmp_path / 'other.safetensors'
    weights.write({}, path, {'config': json.dumps(config), 'card': '{}',
                             'sha256': weights.checksum({})})
    assert refused(path) == f'expected a config that can be built, got {said}'
