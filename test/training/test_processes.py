# SPDX-License-Identifier: Apache-2.0
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.batches import Batches
from ddfnet_ros.training.data import make_draw
from ddfnet_ros.training.processes import ProcessGroup, join
from ddfnet_ros.training.schedule import Schedule
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.start import start
from ddfnet_ros.training.tasks import make_task
from ddfnet_ros.training.train import train

ROOT = Path(__file__).resolve().parents[2]


AVERAGE = """
import sys
from pathlib import Path

import torch

from ddfnet_ros.training.processes import join

with join('cpu') as group:
    gradients = [torch.full((2, 3), float(group.rank)), torch.full((4,), 1.0 - group.rank)]
    group.average(gradients)
    torch.optim.AdamW([torch.nn.Parameter(gradients[0])])  # imports what would keep the group
print([gradient.unique().tolist() for gradient in gradients],
      [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')])
"""


def in_two_processes(*arguments: str) -> list[str]:
    """Run Python in two processes with the environment that torchrun gives; what each prints."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    given = {**os.environ, 'OMP_NUM_THREADS': '1', 'WORLD_SIZE': '2', 'MASTER_PORT': str(port),
             'MASTER_ADDR': '127.0.0.1'}
    started = [subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**given, 'RANK': str(rank), 'LOCAL_RANK': str(rank)})
        for rank in range(2)]
    try:
        ended = [process.communicate(timeout=110) for process in started]
        for process, (_, said) in zip(started, ended, strict=True):
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()
    return [printed for printed, _ in ended]


def together(settings: TrainingSettings, *more: str) -> None:
    """Train in two processes that talk over gloo."""
    in_two_processes(
        '-m', 'ddfnet_ros.training', '--recipe', settings.recipe, '--panoramas',
        settings.panoramas, '--run', settings.run, '--batch-size', '1', '--patch', '32',
        '--workers', '0', '--device', 'cpu', '--warmup', str(settings.warmup), '--precision',
        'float32', '--config', *settings.config, *more)


def one_step(settings: TrainingSettings, indices: list[int]) -> dict[str, torch.Tensor]:
    """Weights after one update with the mean gradient of some batches."""
    torch.manual_seed(settings.seed)
    state = start(settings, torch.device('cpu'))
    batches = Batches(make_draw(settings), settings.seed)
    learnt = make_task(settings, state.model, None)
    for group in state.optimizer.param_groups:
        group['lr'] = Schedule(settings, 2).rate(0, state.ramp)
    sum(learnt(batches.batch(i)) / len(indices) for i in indices).backward()
    nn.utils.clip_grad_norm_(state.model.parameters(), settings.gradient_clip)
    state.optimizer.step()
    return state.model.state_dict()


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in other)


def test_gradients_are_averaged_and_no_thread_is_left_that_could_outlive_python():
    for printed in in_two_processes('-c', AVERAGE):
        assert printed.startswith('[[0.5], [0.5]]')
        assert 'gloo' not in printed


def test_two_processes_take_the_mean_of_their_gradients(settings, tmp_path):
    together(settings, '--steps', '1', '--minutes', '5')
    stored = checkpoint.read(Path(settings.run))
    assert stored.facts['step'] == 1
    assert stored.facts['history']['hardware'][0].startswith('2 x ')
    alone = replace(settings, run=str(tmp_path / 'alone'), steps=1)
    assert distance(stored.part('model'), one_step(alone, [0, 1])) < 1e-6
    assert distance(stored.part('model'), one_step(alone, [0])) > 1e-4
    assert json.loads((Path(settings.run) / 'settings.json').read_text())['steps'] == 1


def test_alone_a_process_leads_and_decides(monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    with join('cpu') as group:
        assert group == ProcessGroup(0, 1, torch.device('cpu'))
        assert group.leads
        assert group.any(True)
        assert not group.any(False)


@pytest.mark.parametrize('device', ['cuda:99', 'abacus'])
def test_a_device_that_is_not_there_is_refused(settings, device):
    with pytest.raises(ValueError, match=f"--device: expected .* got '{device}'.*; "):
        train(replace(settings, device=device))
