# SPDX-License-Identifier: Apache-2.0
"""Whatever may take more than two seconds shows at once what it does, where someone looks."""

import contextlib
import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.cli import main
from ddfnet_ros.command_line import waiting
from ddfnet_ros.images import write_exr

sys.path.insert(0, str(Path(__file__).parents[1] / 'demo'))  # small_street

from small_street import write_street


@pytest.fixture
def screen(monkeypatch):
    """What is shown where nobody has any patience."""
    monkeypatch.setattr(waiting, '_DELAY', 0.0)
    found = io.StringIO()
    found.isatty = lambda: True
    return found


@pytest.fixture
def panoramas(tmp_path):
    (tmp_path / 'panoramas').mkdir()
    pixels = np.random.default_rng(1).uniform(0.02, 1, (256, 512, 3)).astype(np.float32)
    write_exr(tmp_path / 'panoramas' / 'noise.exr', pixels)
    return str(tmp_path / 'panoramas')


def test_what_is_read_before_the_bar_is_shown(screen, model, panoramas, tmp_path):
    street = str(write_street(tmp_path / 'in', brackets=2))
    lines = {
        'reading street.mcap and the model': ['bag', street, str(tmp_path / 'o.mcap'), *model],
        'reading the model': ['bench', '--size', '96x64', '--repeats', '3', *model],
        'reading models and scenes': ['evaluate', '--panoramas', panoramas, '--scenes', '1',
                                      '--size', '64', *model],
        'reading what to train on': [
            'train', '--recipe', 'budget', '--panoramas', panoramas, '--run', str(tmp_path / 'r'),
            '--steps', '1', '--batch-size', '1', '--patch', '32', '--workers', '0', '--config',
            'channels=8', 'blocks=1', '--device', 'cpu'],
    }
    if importlib.util.find_spec('rerun'):
        lines['reading street.mcap and'] = ['view', street, '--save', str(tmp_path / 'i.rrd'),
                                            *model]
    for said, line in lines.items():
        with contextlib.redirect_stderr(screen):
            assert main(line) == 0
        assert f'\r{said}: 00:00' in screen.getvalue()
        screen.truncate(0)
