# SPDX-License-Identifier: Apache-2.0
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


@pytest.mark.parametrize(('words', 'complaint'), [
    ([], '--output and --preview'),
    (['--output', 'a', '--preview', 'b.png'], '--output and --preview'),
    (['--preview', 'b.png'], '--panoramas'),
    (['--output', 'a', '--cutouts', 'nowhere'], '--cutouts: expected a folder'),
    (['--output', 'a', '--brackets', '0'], '--brackets'),
])
def test_unclear_wishes_are_refused(words, complaint):
    with pytest.raises(ValueError, match=complaint):
        synthesize.run(words)
