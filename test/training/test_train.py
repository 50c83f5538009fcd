# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros.training import train as training
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.train import train


@pytest.fixture
def settings(panorama_folder, tmp_path) -> TrainingSettings:
    return TrainingSettings(
        panoramas=str(panorama_folder), run=str(tmp_path / 'run'), steps=4, batch_size=1,
        patch=32, workers=0, warmup=1, device='cpu',
    )


def test_resumed_run_ends_at_the_weights_of_an_unbroken_one(settings, tmp_path, monkeypatch):
    whole = train(replace(settings, run=str(tmp_path / 'whole')))
    raised = iter([False, True])
    with monkeypatch.context() as patch:
        patch.setattr(training._StopFlag, 'raised', property(lambda _: next(raised)))
        assert train(settings).step == 2
    rest = train(settings)
    assert rest.step == 4
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, rest.average.state_dict()[name]), name


def test_loss_that_is_not_a_number_stops_and_leaves_the_checkpoint(settings, monkeypatch):
    train(settings)
    path = Path(settings.run) / 'checkpoint.safetensors'
    before = path.read_bytes()
    monkeypatch.setattr(training, 'mu_law_l1', lambda radiance, _: radiance.mean() * torch.nan)
    with pytest.raises(FloatingPointError, match='lower learning_rate'):
        train(replace(settings, steps=8))
    assert path.read_bytes() == before


def test_missing_folder_is_named(settings):
    with pytest.raises(ValueError, match=r"cutouts: expected a folder, got '/nowhere'"):
        train(replace(settings, cutouts='/nowhere'))


def test_log_holds_the_loss(settings):
    train(replace(settings, steps=50))
    rows = [json.loads(line) for line in (Path(settings.run) / 'log.jsonl').open()]
    assert rows[0]['step'] == 50
    assert 0 < rows[0]['loss'] < 1


def test_learning_rate_warms_up_and_falls(settings):
    schedule = [training._schedule(step, replace(settings, steps=100, warmup=10))
                for step in range(100)]
    assert schedule[0] == pytest.approx(0.1)
    assert max(schedule) == schedule[9]
    assert schedule[-1] < 0.02
