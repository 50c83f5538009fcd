# SPDX-License-Identifier: Apache-2.0
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros.cli import main
from ddfnet_ros.training import checkpoint, slim, tasks
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.stop import StopFlag
from ddfnet_ros.training.train import NotFiniteError, train


def stop_after(monkeypatch, steps: int) -> None:
    raised = iter([False] * (steps - 1) + [True])
    monkeypatch.setattr(StopFlag, 'raised', property(lambda _: next(raised)))


def test_resumed_run_ends_at_the_weights_of_an_unbroken_one(settings, tmp_path, monkeypatch):
    whole = train(replace(settings, run=str(tmp_path / 'whole')))
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert train(settings).step == 2
    rest = train(settings)
    assert rest.step == 4
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, rest.average.state_dict()[name]), name


def test_a_run_that_is_done_stays_as_it_is(settings):
    train(settings)
    path = Path(settings.run) / 'checkpoint.safetensors'
    before = path.stat().st_mtime_ns
    assert train(settings).step == 4
    assert path.stat().st_mtime_ns == before


def test_checkpoints_are_kept_for_a_learning_curve(settings):
    train(replace(settings, keep_every=2))
    run = Path(settings.run)
    kept = [slim.read_any(run / name) for name in ('step_0000002', 'step_0000004')]
    assert [found.facts['step'] for found in kept] == [2, 4]
    early, last = (found.part('average') for found in kept)
    whole = checkpoint.read(run).part('average')
    assert any(not torch.equal(early[name], last[name]) for name in last)
    for name, value in whole.items():
        torch.testing.assert_close(last[name], value, rtol=1e-3, atol=1e-6)  # in float16


def test_loss_that_is_not_a_number_stops_and_leaves_the_checkpoint(settings, monkeypatch):
    train(settings)
    path = Path(settings.run) / 'checkpoint.safetensors'
    before = path.read_bytes()
    monkeypatch.setattr(tasks, 'mu_law_l1', lambda radiance, *_: radiance.mean() * torch.nan)
    with pytest.raises(NotFiniteError, match=r'lower learning_rate.* is from before') as error:
        train(replace(settings, steps=8))
    assert '\n' not in str(error.value)
    assert path.read_bytes() == before


def test_weights_that_are_no_numbers_are_not_kept(settings, monkeypatch):
    monkeypatch.setattr(tasks, 'mu_law_l1', lambda radiance, *_: radiance.mean() * torch.nan)
    with pytest.raises(NotFiniteError):
        train(replace(settings, keep_every=2))
    assert not list(Path(settings.run).glob('step_*'))


def test_a_full_disk_stops_and_leaves_the_checkpoint(settings, monkeypatch):
    def run_out_of_space(_file):
        raise OSError(errno.ENOSPC, 'No space left on device')

    train(settings)
    run = Path(settings.run)
    before = (run / 'checkpoint.safetensors').read_bytes()
    monkeypatch.setattr(os, 'fsync', run_out_of_space)
    with pytest.raises(OSError, match=r'No space left on device; make room and') as error:
        train(replace(settings, steps=8))
    assert str(run / 'checkpoint.safetensors') in str(error.value)
    assert (run / 'checkpoint.safetensors').read_bytes() == before
    assert not list(run.glob('*.partial'))


def test_missing_folder_is_named(settings):
    with pytest.raises(ValueError, match=r"cutouts: expected a folder, got '/nowhere'"):
        train(replace(settings, cutouts='/nowhere'))
    with pytest.raises(ValueError, match=r"panoramas: expected a folder, got ''"):
        train(replace(settings, panoramas=''))


def test_log_holds_the_loss(settings):
    train(replace(settings, steps=50))
    rows = [json.loads(line) for line in (Path(settings.run) / 'log.jsonl').open()]
    assert rows[0]['step'] == 50
    assert 0 < rows[0]['loss'] < 1
    assert rows[0]['gradient'] > 0


def test_time_that_is_up_ends_the_run(settings):
    state = train(replace(settings, steps=10**6, minutes=1e-9))
    assert state.step == 1
    assert (Path(settings.run) / 'checkpoint.safetensors').is_file()


def test_the_handlers_of_signals_are_put_back(settings):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    train(settings)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_sigterm_to_all_its_processes_saves_and_leaves(settings, tmp_path):
    run, log = tmp_path / 'run', tmp_path / 'said'
    words = ['train', '--recipe', 'budget', '--panoramas', settings.panoramas, '--run', str(run),
             '--patch', '32', '--batch-size', '1', '--workers', '1', '--device', 'cpu']
    with log.open('w') as said:
        process = subprocess.Popen(
            [sys.executable, '-c', 'import sys; from ddfnet_ros.cli import main; '
             'sys.exit(main(sys.argv[1:]))', *words],
            stdout=said, stderr=said, start_new_session=True)
    try:
        while not (run / 'log.jsonl').exists():
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
    assert 'ship it' in log.read_text()
    assert (run / 'checkpoint.safetensors').is_file()


def test_json_tells_what_a_run_has_come_to(settings, capsys):
    assert main(['train', '--recipe', 'budget', '--panoramas', settings.panoramas, '--run',
                 settings.run, '--steps', '1', '--batch-size', '1', '--patch', '32', '--workers',
                 '0', '--device', 'cpu', '--config', *settings.config, '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told['run'], told['steps']) == (settings.run, 1)
    assert Path(told['checkpoint']).is_file()


def test_a_word_that_no_option_knows_is_one_line(capsys):
    assert main(['train', '--panorama', 'x']) == 2
    assert capsys.readouterr().err.count('\n') == 1


def test_the_average_follows_the_weights_at_its_decay(settings):
    slow, none = (train(replace(settings, run=f'{settings.run}{decay}', ema_decay=decay, steps=8))
                  for decay in (0.999, 0.0))
    assert all(torch.equal(a, b) for a, b in zip(
        none.model.parameters(), none.average.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(
        slow.model.parameters(), slow.average.parameters(), strict=True))


def test_weights_of_another_architecture_are_refused(settings):
    train(settings)
    other = TrainingSettings.from_recipe('paper', {
        'panoramas': settings.panoramas, 'run': f'{settings.run}2', 'start_from': settings.run,
        'flow': 'dis', 'device': 'cpu'})
    with pytest.raises(ValueError, match='architecture: expected "fast"'):
        train(other)


def test_a_run_that_is_gone_on_with_keeps_its_network(settings):
    train(settings)
    with pytest.raises(ValueError, match=r'blocks: expected 1, .* got 2'):
        train(replace(settings, config=(*settings.config[:-1], 'blocks=2')))
