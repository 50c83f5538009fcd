# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from ddfnet_ros import weights
from ddfnet_ros.cli import main
from ddfnet_ros.network.fast import FastConfig, FastFusion


@pytest.fixture
def model(tmp_path):
    path = tmp_path / 'fast.safetensors'
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
    return ['--model', str(path), '--device', 'cpu', '--repeats', '3']


def test_json_is_one_object_and_all_of_stdout(model, capsys):
    assert main(['bench', *model, '--size', '96x64', '--json']) == 0
    speed = json.loads(capsys.readouterr().out)
    assert {'median_ms', 'iqr_ms', 'peak_mib', 'mertens_median_ms'} <= speed.keys()
    assert (speed['width'], speed['height'], speed['frames']) == (96, 64, 3)


def test_lines_for_people_name_model_and_peer(model, capsys):
    assert main(['bench', *model, '--size', '96x64', '--frames', '2']) == 0
    out = capsys.readouterr().out
    assert '2 frames of 96x64' in out
    assert 'AlignMTB + MergeMertens' in out


@pytest.mark.parametrize(('words', 'said'), [
    (['--size', '640'], 'WIDTHxHEIGHT'),
    (['--size', '640x32'], 'at least 64'),
    (['--frames', '1'], 'expected 2 to 9'),
    (['--repeats', '1'], 'at least 3'),
])
def test_bad_options_get_one_line(words, said, capsys):
    assert main(['bench', *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
