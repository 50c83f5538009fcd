# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from ddfnet_ros import weights
from ddfnet_ros.evaluation.speed import align_and_merge, measure, moving_bracket
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp('speed') / 'fast.safetensors'
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
    return path


@pytest.fixture(scope='module')
def deghoster(model):
    return Deghoster(DeghosterSettings(model=str(model), device='cpu'))


def test_times_of_both_and_their_ratio_come_from_one_run(deghoster):
    speed = measure(deghoster, (96, 64), frames=3, repeats=3)
    assert (speed.width, speed.height, speed.repeats) == (96, 64, 3)
    assert speed.median_ms > 0 < speed.mertens_median_ms
    assert speed.ratio == pytest.approx(speed.median_ms / speed.mertens_median_ms, abs=1e-3)
    assert sum(speed.stage_ms.values()) <= 1.5 * speed.median_ms


def test_the_bar_is_there_from_the_first_call_on_which_may_take_long(deghoster):
    screen = io.StringIO()
    screen.isatty = lambda: True
    with contextlib.redirect_stderr(screen):
        measure(deghoster, (96, 64), frames=3, repeats=3)
    assert screen.getvalue().startswith('\rtiming:   0%|')
    assert ' 0/7 ' in screen.getvalue()


def test_memory_of_a_call_is_seen(model):
    # In a process of its own: memory that other tests have freed here is used again.
    words = ['bench', '--model', str(model), '--size', '640x480', '--repeats', '3', '--json']
    done = subprocess.run(
        [sys.executable, '-c', f'from ddfnet_ros.cli import main; main({words})'],
        capture_output=True, text=True, check=True)
    peak = json.loads(done.stdout)['peak_mib']
    if peak is None:
        pytest.skip('needs /proc')
    assert peak > 640 * 480 * 4 * 6 / 2**20  # at least the two frames that are moved


def test_bracket_moves_and_clips():
    bracket = moving_bracket((64, 48), 3)
    short, middle, long = (frame.pixels.astype(float) for frame in bracket.frames)
    assert (long == 255).mean() > 0.05 > (short == 255).mean()
    assert np.abs(middle[:, :-3] - middle[:, 3:]).mean() > 1
    linear = [(pixels / 255) ** 2.2 for pixels in (short, middle)]
    still = np.abs(4 * linear[0] - linear[1])[middle < 250].mean()
    moved = np.abs(4 * linear[0][:, 3:] - linear[1][:, :-3])[middle[:, :-3] < 250].mean()
    assert moved < still / 2


def test_the_peer_is_exposure_fusion():
    images = [np.ascontiguousarray(frame.pixels) for frame in moving_bracket((160, 120), 3).frames]
    fused = align_and_merge(images) * 255
    assert images[0].mean() + 20 < fused.mean() < images[2].mean() - 20
