# SPDX-License-Identifier: Apache-2.0
"""The demo as a user runs it: its own process, and three more, over real DDS."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_summary import KEYS

from ddfnet_ros import weights
from ddfnet_ros.bags import BagReader
from ddfnet_ros.demo.run import main
from ddfnet_ros.encodings import pixels_of
from ddfnet_ros.images import read_exr, read_ldr
from ddfnet_ros.metadata.frames import stamp_ns
from ddfnet_ros.network.fast import FastConfig, FastFusion

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """Untrained: it merges what does not move."""
    path = tmp_path_factory.mktemp('model') / 'tiny.safetensors'
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
    return path


def start(*words):
    return subprocess.Popen(
        [sys.executable, '-m', 'ddfnet_ros.demo', *map(str, words)], text=True, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'OMP_NUM_THREADS': '1'})


@pytest.fixture(scope='module')
def finished(street, model, tmp_path_factory):
    """Exit code, stdout, stderr and output folder of a short run."""
    output = tmp_path_factory.mktemp('out') / 'demo'
    demo = start('--bag', street, '--model', model, '--output', output, '--pace', 3,
                 '--seconds', 3)
    said, complaints = demo.communicate(timeout=110)
    return demo.returncode, said, complaints, output


def test_demo_fuses_what_it_plays_and_counts_it(finished):
    _, _, complaints, output = finished
    assert (output / 'summary.json').is_file(), complaints
    summary = json.loads((output / 'summary.json').read_text())
    assert list(summary) == KEYS
    assert summary['brackets_played'] == 9
    assert 0 < summary['brackets_fused'] <= 9
    assert summary['model'] == 'tiny'
    assert summary['device'] in ('cpu', 'cuda')
    assert 0 < summary['latency_ms']['median'] <= summary['latency_ms']['p95']
    assert summary['rate'] == pytest.approx(3 * 8 / 30 / 3, rel=0.01)


def test_demo_says_each_step_and_how_long_it_took(finished):
    _, said, _, output = finished
    for step in ('[1/4] read street.mcap', '[2/4] start', '[3/4] score', '[4/4] write'):
        assert step in said
    assert said.count(' s\n') >= 4
    assert str(output / 'report.html') in said


def test_missed_bars_are_told_and_are_a_failure(finished):
    code, _, complaints, _ = finished
    told = [line for line in complaints.splitlines() if line.startswith('demo: ')]
    assert code == 1  # an untrained model cannot clear the bars
    assert any('psnr_mu_moving: expected fused above' in line for line in told), told
    assert not any('brackets_per_second: expected at least 5' in line for line in told)  # of 3


def test_fused_bag_holds_radiance_and_picture_of_each_bracket_once(finished):
    with BagReader(finished[3] / 'fused.mcap') as bag:
        hdr, pictures = (list(map(bag.deserialise, bag.messages([f'/fuse_node/{name}'])))
                         for name in ('hdr', 'image'))
        assert bag.count(['/diagnostics']) > 0
    assert 0 < len(hdr) <= 3
    assert [stamp_ns(message) for message in hdr] == [stamp_ns(message) for message in pictures]
    assert {pixels_of(message).shape for message in hdr + pictures} == {(96, 160, 3)}
    assert pixels_of(hdr[0]).dtype == 'float32'


def test_pictures_and_radiance_files_can_be_read(finished):
    output = finished[3]
    assert read_ldr(output / 'contact_sheet.png').ndim == 3
    files = sorted(output.glob('fused_*.exr'))
    assert files
    assert all(read_exr(path).shape == (96, 160, 3) for path in files)
    assert '<!doctype html>' in (output / 'report.html').read_text('utf-8')


def test_missing_model_is_told_at_once_with_those_that_are_there(street, tmp_path):
    demo = start('--bag', street, '--model', 'nowhere', '--output', tmp_path)
    _, complaints = demo.communicate(timeout=110)
    assert demo.returncode == 1
    assert 'fuse_node: cannot configure' in complaints
    assert 'nowhere' in complaints


@pytest.mark.parametrize(('damage', 'words'), [
    (lambda bag: bag.write_bytes(bag.read_bytes()[:-100]), 'expected a complete'),
    (Path.unlink, 'no such file'),
])
def test_bad_recording_is_one_line(street, tmp_path, damage, words):
    bag = tmp_path / 'street.mcap'
    bag.write_bytes(street.read_bytes())
    damage(bag)
    demo = start('--bag', bag, '--output', tmp_path / 'out')
    _, complaints = demo.communicate(timeout=110)
    assert demo.returncode == 2
    assert words in complaints
    assert complaints.count('\n') == 1


def test_bad_options_are_one_line(capsys):
    assert main(['--pace', '0']) == 2
    assert capsys.readouterr().err == (
        'demo: --pace: expected a positive number below 3600, got 0.0; see '
        'python -m ddfnet_ros.demo --help\n')


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='needs /proc')
def test_interrupted_demo_ends_all_its_processes(street, model, tmp_path):
    demo = start('--bag', street, '--model', model, '--output', tmp_path, '--seconds', 600)
    listing = Path(f'/proc/{demo.pid}/task/{demo.pid}/children')
    deadline = time.monotonic() + 60
    while len(children := listing.read_text().split()) < 3:
        assert time.monotonic() < deadline
        assert demo.poll() is None, demo.stderr.read()
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    _, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert 'interrupted' in complaints
    assert not any(Path(f'/proc/{pid}').exists() for pid in children)
