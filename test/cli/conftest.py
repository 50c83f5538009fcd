# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.network.fast import FastConfig, FastFusion


@pytest.fixture(scope='session')
def models(tmp_path_factory):
    """Folder with an untrained `fast`: what it computes is not judged here."""
    folder = tmp_path_factory.mktemp('models')
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), folder / 'fast.safetensors', {})
    return folder


@pytest.fixture
def model(models):
    """Options that choose it."""
    return ['--model', str(models / 'fast.safetensors'), '--device', 'cpu', '--threads', '1']


@pytest.fixture
def chosen(models, monkeypatch):
    """It is the model that is found where none is named."""
    monkeypatch.setenv('DDFNET_MODELS', str(models))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Puts a module of some name and content before all others."""
    def write(name, text):
        (tmp_path / f'{name}.py').write_text(text)
        monkeypatch.setenv('PYTHONPATH', str(tmp_path))
        monkeypatch.syspath_prepend(str(tmp_path))

    return write


def one(findings):
    """The only finding of a check."""
    (finding,) = findings
    return finding
