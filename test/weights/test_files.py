# SPDX-License-Identifier: Apache-2.0
"""Weights files: what is saved comes back, and everything else is one clear line."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from ddfnet_ros import network, weights

CARD = {'recipe': 'none', 'psnr_mu': 40.5}


@dataclass(frozen=True)
class TinyConfig:
    width: int = 3
    scales: tuple[int, ...] = (1, 2)


class Tiny(nn.Module):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.layer = nn.Conv2d(2, config.width, 3)
        self.norm = nn.BatchNorm2d(config.width)


@pytest.fixture(autouse=True)
def _folders(monkeypatch, tmp_path):
    monkeypatch.setitem(network._ARCHITECTURES, 'tiny', (__name__, 'Tiny', 'TinyConfig'))
    monkeypatch.setenv('DDFNET_MODELS', str(tmp_path))


@pytest.fixture
def saved(tmp_path) -> Path:
    weights.save(Tiny(TinyConfig(width=5)), tmp_path / 'tiny.safetensors', CARD)
    return tmp_path / 'tiny.safetensors'


def rewrite(path: Path, change) -> None:
    """Change the tensors, keep the metadata except for the checksum."""
    with safe_open(path, framework='pt') as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {**metadata, 'sha256': weights.checksum(tensors)})


def one_line(error) -> str:
    text = str(error.value)
    assert '\n' not in text
    return text


def test_a_saved_model_comes_back_with_config_card_and_tensors(tmp_path):
    model = Tiny(TinyConfig(width=4, scales=(1, 2, 4)))
    digest = weights.save(model, tmp_path / 'a.safetensors', CARD)
    loaded = weights.load(tmp_path / 'a.safetensors')
    assert loaded.model.config == TinyConfig(width=4, scales=(1, 2, 4))
    assert loaded.card == CARD
    assert loaded.sha256 == digest
    assert not loaded.model.training
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[name], tensor, rtol=0, atol=0)


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path):
    model = Tiny(TinyConfig(width=1000))
    weights.save(model, tmp_path / 'whole.safetensors', CARD)
    weights.save(model, tmp_path / 'half.safetensors', CARD, dtype=torch.float16)
    sizes = [(tmp_path / f'{name}.safetensors').stat().st_size for name in ('half', 'whole')]
    assert sizes[0] < 0.6 * sizes[1]
    layer = weights.load(tmp_path / 'half.safetensors').model.layer
    assert layer.weight.dtype == torch.float32
    torch.testing.assert_close(layer.weight, model.layer.weight, rtol=1e-3, atol=1e-4)


def test_one_changed_bit_fails_the_checksum(saved):
    content = bytearray(saved.read_bytes())
    content[-3] ^= 1
    saved.write_bytes(content)
    with pytest.raises(weights.WeightsError, match='sha256') as error:
        weights.load(saved)
    assert 'copy the file again' in one_line(error)


@pytest.mark.parametrize('size', [0, 5, 100, -7])
def test_a_truncated_file_is_named(saved, size):
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(weights.WeightsError, match='whole safetensors file') as error:
        weights.load(saved)
    assert str(saved) in one_line(error)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file({'a': torch.zeros(3)}, tmp_path / 'foreign.safetensors')
    with pytest.raises(weights.WeightsError, match='ddfnet_ros saved') as error:
        weights.load(tmp_path / 'foreign.safetensors')
    one_line(error)


def test_a_missing_tensor_is_named(saved):
    rewrite(saved, lambda tensors: tensors.pop('layer.bias'))
    with pytest.raises(weights.WeightsError, match=r"missing \['layer\.bias'\]") as error:
        weights.load(saved)
    one_line(error)


def test_an_unexpected_tensor_is_named(saved):
    rewrite(saved, lambda tensors: tensors.update(more=torch.zeros(1)))
    with pytest.raises(weights.WeightsError, match=r"unexpected \['more'\]") as error:
        weights.load(saved)
    one_line(error)


def test_a_misshapen_tensor_is_named(saved):
    rewrite(saved, lambda tensors: tensors.update({'layer.bias': torch.zeros(9)}))
    with pytest.raises(weights.WeightsError, match=r'layer\.bias of shape .5,., got .9,') as e:
        weights.load(saved)
    one_line(e)


@pytest.mark.parametrize('config', [
    {'architecture': 'unheard of'}, {'architecture': 'tiny', 'depth': 3}, {},
])
def test_a_config_of_another_version_is_refused(saved, config):
    with safe_open(saved, framework='pt') as file:
        metadata = file.metadata()
    save_file(load_file(saved), saved, {**metadata, 'config': json.dumps(config)})
    with pytest.raises(weights.WeightsError, match='config') as error:
        weights.load(saved)
    one_line(error)


def test_a_missing_file_names_the_models_present(saved):
    with pytest.raises(weights.WeightsNotFoundError, match=r'present: .*tiny') as error:
        weights.load(saved.with_name('gone.safetensors'))
    one_line(error)
    with pytest.raises(weights.WeightsNotFoundError, match=r'present: .*tiny'):
        weights.find('/nowhere/gone.safetensors')


def test_a_failed_save_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    def run_out_of_space(_file):
        raise OSError(errno.ENOSPC, 'No space left on device')

    before = saved.read_bytes()
    monkeypatch.setattr(os, 'fsync', run_out_of_space)
    with pytest.raises(OSError, match='No space'):
        weights.save(Tiny(TinyConfig()), saved, CARD)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_others_may_read_what_was_saved(tmp_path):
    before = os.umask(0o022)
    try:
        weights.save(Tiny(TinyConfig()), tmp_path / 'a.safetensors', CARD)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / 'a.safetensors').stat().st_mode) == 0o644


def test_the_checksum_knows_names_and_shapes():
    a, b = torch.zeros(2, 3), torch.zeros(3, 2)
    sums = [weights.checksum(t) for t in ({'x': a}, {'y': a}, {'x': b}, {'x': a.half()})]
    assert len(set(sums)) == 4


def test_only_known_architectures_are_saved(tmp_path):
    with pytest.raises(ValueError, match='expected a model of ddfnet, fast'):
        weights.save(nn.Conv2d(1, 1, 1), tmp_path / 'a.safetensors', {})
