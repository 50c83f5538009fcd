# SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest

from ddfnet_ros.cli import synthesize
from ddfnet_ros.images import write_exr


@pytest.fixture
def panoramas(tmp_path):
    folder = tmp_path / 'panoramas'
    folder.mkdir()
    noise = np.random.default_rng(1).uniform(0.1, 1, (64, 128, 3)).astype(np.float32)
    write_exr(folder / 'noise.exr', noise)
    return folder


def test_preview_is_a_sheet_of_training_scenes(tmp_path, panoramas, capsys):
    sheet = tmp_path / 'scenes.png'
    assert synthesize.run(['--preview', str(sheet), '--panoramas', str(panoramas)]) == 0
    assert cv2.imread(str(sheet)).shape == (16 * 128, 8 * 128, 3)
    assert str(sheet) in capsys.readouterr().out


def test_json_is_what_was_written(tmp_path, panoramas, capsys, monkeypatch):
    monkeypatch.setattr(synthesize, '_PREVIEW_SCENES', 2)
    sheet = tmp_path / 'scenes.png'
    line = ['--preview', str(sheet), '--panoramas', str(panoramas), '--json']
    assert synthesize.run(line) == 0
    assert json.loads(capsys.readouterr().out) == {'preview': str(sheet)}


@pytest.mark.parametrize(('name', 'complaint'), [
    ('scenes.jpg', 'ends in .png'), ('nowhere/scenes.png', 'expected its folder to exist')])
def test_a_preview_that_cannot_be_written_is_found_before_the_work(
        name, complaint, tmp_path, panoramas, monkeypatch):
    monkeypatch.setattr(synthesize, '_write_preview', None)
    with pytest.raises((ValueError, OSError), match=complaint):
        synthesize.run(['--preview', str(tmp_path / name), '--panoramas', str(panoramas)])


@pytest.mark.parametrize(('words', 'complaint'), [
    ([], '--output and --preview'),
    (['--output', 'a', '--preview', 'b.png'], '--output and --preview'),
    (['--preview', 'b.png'], '--panoramas'),
    (['--preview', 'b.png', '--panoramas', '.', '--cutouts', 'nowhere'],
     '--cutouts: expected a folder'),
    (['--output', 'a', '--brackets', '0'], '--brackets'),
    (['--output', 'a', '--seed', '-1'], '--seed: expected 0 or more, got -1; choose'),
    (['--output', 'a', '--cutouts', '.'], '--cutouts: expected none with --output, .*; leave'),
    (['--preview', 'b.png', '--panoramas', '.', '--brackets', '3'],
     '--brackets: expected none with --preview, .*; leave it out'),
])
def test_unclear_wishes_are_refused(words, complaint):
    with pytest.raises(ValueError, match=complaint):
        synthesize.run(words)
