# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from ddfnet_ros.cli import main


@pytest.fixture
def quick(model):
    return [*model, '--repeats', '3']


def test_json_is_one_object_and_all_of_stdout(quick, capsys):
    assert main(['bench', *quick, '--size', '96x64', '--json']) == 0
    speed = json.loads(capsys.readouterr().out)
    assert {'median_ms', 'iqr_ms', 'peak_mib', 'mertens_median_ms'} <= speed.keys()
    assert (speed['width'], speed['height'], speed['frames']) == (96, 64, 3)


def test_lines_for_people_name_model_and_peer(quick, capsys):
    assert main(['bench', *quick, '--size', '96x64', '--frames', '2']) == 0
    out = capsys.readouterr().out
    assert '2 frames of 96x64' in out
    assert 'AlignMTB + MergeMertens' in out


@pytest.mark.parametrize(('words', 'said'), [
    (['--size', '640'], 'WIDTHxHEIGHT'),
    (['--size', '640x32'], 'at least 64'),
    (['--frames', '1'], 'expected 2 to 9'),
    (['--repeats', '1'], 'at least 3'),
    (['--reference', '5'], '--reference: expected none, as no time depends on it, got 5; leave'),
    (['--reference', 'latest'], 'got latest; leave it out'),
])
def test_bad_options_get_one_line(words, said, capsys):
    assert main(['bench', *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
