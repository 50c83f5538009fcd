# SPDX-License-Identifier: Apache-2.0
import logging

import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.flow.pwcnet import PWCNet
from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.network.layers import PreciseConv2d
from ddfnet_ros.runtime.selection import (
    cast_convolutions_,
    choose_device,
    choose_flow,
    choose_model,
    choose_precision,
    load_fusion,
)

CPU, CUDA = torch.device('cpu'), torch.device('cuda')


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Put untrained models of the given names where they are looked for, and no others."""
    monkeypatch.setattr(weights.finding, 'model_folders', lambda models_dir='': [tmp_path])

    def put(*names):
        for name in names:
            model = FastFusion(FastConfig(channels=8, blocks=1))
            weights.save(model, tmp_path / f'{name}.safetensors', {})

    return put


def test_auto_takes_denoise_on_cuda_and_fast_on_the_cpu(ship):
    ship('base', 'denoise', 'fast')
    assert choose_model('auto', CUDA).stem == 'denoise'
    assert choose_model('auto', CPU).stem == 'fast'


@pytest.mark.parametrize(('shipped', 'chosen'), [(('base', 'fast'), 'fast'), (('base',), 'base')])
def test_without_denoise_auto_on_cuda_says_what_it_takes_instead(ship, caplog, shipped, chosen):
    ship(*shipped)
    with caplog.at_level(logging.WARNING):
        assert choose_model('auto', CUDA).stem == chosen
    assert f'denoise is not here yet, using {chosen}' in caplog.text


def test_auto_on_the_cpu_never_takes_the_slow_network(ship):
    ship('base')
    with pytest.raises(FileNotFoundError, match='base'):
        choose_model('auto', CPU)


def test_a_model_not_shipped_names_those_present(ship):
    ship('fast', 'base')
    with pytest.raises(FileNotFoundError, match='base, fast'):
        choose_model('denoise', CPU)


def test_a_path_is_taken_as_it_is(ship, tmp_path):
    ship('mine')
    path = tmp_path / 'mine.safetensors'
    assert choose_model(str(path), CPU) == path


@pytest.mark.parametrize('name', ['tpu', 'cuda:x', 'mps', ''])
def test_unknown_device_is_refused(name):
    with pytest.raises(ValueError, match='expected auto, cpu, cuda'):
        choose_device(name)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match='use cpu or auto'):
        choose_device('cuda:99')


def test_auto_device_is_a_gpu_where_there_is_one():
    expected = 'cuda' if torch.cuda.is_available() else 'cpu'
    assert choose_device('auto').type == expected


def test_auto_precision_follows_the_processor(monkeypatch):
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: {'amx_bf16': True})
    assert choose_precision('auto', CPU) is torch.bfloat16
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: {'avx2': True})
    assert choose_precision('auto', CPU) is torch.float32
    assert choose_precision('bfloat16', CPU) is torch.bfloat16


def test_weights_that_do_not_fuse_are_refused(tmp_path):
    path = tmp_path / 'pwcnet.safetensors'
    weights.save(PWCNet(), path, {}, torch.float16)
    with pytest.raises(ValueError, match='got one that estimates their motion'):
        load_fusion(path)


def test_weights_that_were_trained_with_an_unknown_flow_are_refused(tmp_path):
    path = tmp_path / 'next.safetensors'
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {'flow': 'raft'})
    with pytest.raises(ValueError, match=f"{path}: .* dis, none, pwcnet, got 'raft'; update"):
        load_fusion(path)


def test_flow_weights_that_are_missing_are_named(ship):
    ship('fast')
    with pytest.raises(FileNotFoundError, match='pwcnet'):
        choose_flow({'flow': 'pwcnet'}, CPU)


def test_flow_weights_lie_beside_the_model_and_are_those_it_was_trained_with(tmp_path):
    checksum = weights.save(PWCNet(), tmp_path / 'pwcnet.safetensors', {}, torch.float16)
    card = {'flow': 'pwcnet', 'flow_sha256': checksum}
    assert isinstance(choose_flow(card, CPU, tmp_path), PWCNet)
    with pytest.raises(ValueError, match=f'expected sha256 0123.* got {checksum}') as error:
        choose_flow({**card, 'flow_sha256': '0123'}, CPU, tmp_path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('make', [
    lambda: DDFNet(DDFNetConfig(width=8, shortcut=True)),
    lambda: FastFusion(FastConfig(channels=8, context=8, blocks=1)),
    lambda: AHDRNet(AHDRNetConfig(channels=8, layers=1, growth=4)),
], ids=['ddfnet', 'fast', 'ahdrnet'])
@torch.inference_mode()
def test_weights_that_are_cast_once_give_what_autocast_gives(make):
    torch.manual_seed(1)
    model = make().eval()
    given = torch.rand(1, 3, 6, 24, 32), torch.randn(1, 2, 2, 24, 32), 1
    with torch.autocast('cpu', torch.bfloat16):
        expected = model(*given)
        cast_convolutions_(model, torch.bfloat16)
        found = model(*given)
    assert torch.equal(found, expected)
    kinds = {layer.weight.dtype for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)
             and not isinstance(layer, PreciseConv2d)}
    assert kinds == {torch.bfloat16}
    assert all(layer.weight.dtype is torch.float32 for layer in model.modules()
               if isinstance(layer, PreciseConv2d))
