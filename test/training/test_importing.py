# SPDX-License-Identifier: Apache-2.0
"""NVlabs' checkpoint of PWC-Net: names and shapes, as PyTorch/models/PWCNet.py has them."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.cli import main
from ddfnet_ros.flow.pwcnet import PWCNet

WIDTHS = [3, 16, 32, 64, 96, 128, 196]
DENSE = [128, 128, 96, 64, 32]


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Every weight of class PWCDCNet, written out from its constructor."""
    shapes: dict[str, tuple[int, ...]] = {}
    for level, (before, width) in enumerate(pairwise(WIDTHS), 1):
        first, second = ('aa', 'a') if level == 6 else ('a', 'aa')
        shapes[f'conv{level}{first}.0.weight'] = (width, before, 3, 3)
        shapes[f'conv{level}{second}.0.weight'] = (width, width, 3, 3)
        shapes[f'conv{level}b.0.weight'] = (width, width, 3, 3)
    for level in range(6, 1, -1):
        channels = 81 if level == 6 else 81 + WIDTHS[level] + 4
        for i, width in enumerate(DENSE):
            shapes[f'conv{level}_{i}.0.weight'] = (width, channels, 3, 3)
            channels += width
        shapes[f'predict_flow{level}.weight'] = (2, channels, 3, 3)
        shapes[f'deconv{level}.weight'] = (2, 2, 4, 4)
        if level > 2:
            shapes[f'upfeat{level}.weight'] = (channels, 2, 4, 4)
    context = [channels, 128, 128, 128, 96, 64, 32]
    for i, (before, width) in enumerate(pairwise(context), 1):
        shapes[f'dc_conv{i}.0.weight'] = (width, before, 3, 3)
    shapes['dc_conv7.weight'] = (2, 32, 3, 3)
    biases = {name.replace('weight', 'bias'): (shape[1 if name[:2] in ('de', 'up') else 0],)
              for name, shape in shapes.items()}
    return shapes | biases


@pytest.fixture(scope='module')
def published() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: 0.02 * torch.randn(shape, generator=generator)
            for name, shape in published_shapes().items()}


def imported(checkpoint: Path) -> PWCNet:
    path = checkpoint.with_suffix('.safetensors')
    assert main(['weights', 'import-pwcnet', str(checkpoint), str(path)]) == 0
    return weights.load(path).model


def test_the_published_layout_has_the_published_size(published):
    assert sum(tensor.numel() for tensor in published.values()) == 9_374_340


@pytest.mark.parametrize('wrapped', [False, True])
def test_every_weight_finds_its_place(published, wrapped, tmp_path, capsys):
    torch.save({'state_dict': published} if wrapped else published, tmp_path / 'a.pth.tar')
    model = imported(tmp_path / 'a.pth.tar')
    assert 'non-commercial use only' in capsys.readouterr().out
    found = sorted(t.abs().sum().item() for t in model.state_dict().values())
    assert found == pytest.approx(sorted(t.abs().sum().item() for t in published.values()))
    assert torch.equal(model.pyramid[5][0][0].weight, published['conv6aa.0.weight'])
    assert torch.equal(model.pyramid[5][1][0].weight, published['conv6a.0.weight'])
    assert torch.equal(model.pyramid[1][1][0].weight, published['conv2aa.0.weight'])
    assert torch.equal(model.levels['5'].dense[3][0].bias, published['conv5_3.0.bias'])
    assert torch.equal(model.levels['2'].raise_flow.weight, published['deconv2.weight'])
    assert torch.equal(model.context[6].weight, published['dc_conv7.weight'])


def test_red_and_blue_change_places(published, tmp_path):
    torch.save(published, tmp_path / 'a.pth.tar')
    first = imported(tmp_path / 'a.pth.tar').pyramid[0][0][0].weight
    assert torch.equal(first[:, 0], published['conv1a.0.weight'][:, 2])


def test_the_card_keeps_the_licence(published, tmp_path):
    torch.save(published, tmp_path / 'a.pth.tar')
    imported(tmp_path / 'a.pth.tar')
    assert 'CC BY-NC-SA' in weights.load(tmp_path / 'a.pth.safetensors').card['licence']


def refused(checkpoint: Path, capsys) -> str:
    assert main(['weights', 'import-pwcnet', str(checkpoint), 'x.safetensors']) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    return said


def test_another_layout_is_refused(published, tmp_path, capsys):
    small = {**published, 'conv3b.0.weight': torch.zeros(64, 32, 3, 3)}
    torch.save(small, tmp_path / 'a.pth')
    assert 'conv3b.0.weight of shape (64, 64, 3, 3), got (64, 32, 3, 3)' \
        in refused(tmp_path / 'a.pth', capsys)
    torch.save({'weight': torch.zeros(3)}, tmp_path / 'b.pth')
    assert 'got none' in refused(tmp_path / 'b.pth', capsys)
    torch.save([1, 2], tmp_path / 'c.pth')
    assert 'got none' in refused(tmp_path / 'c.pth', capsys)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, capsys):
    (tmp_path / 'a.pth').write_bytes(b'hello')
    assert 'expected a file of tensors' in refused(tmp_path / 'a.pth', capsys)
    assert 'no such file' in refused(tmp_path / 'b.pth', capsys)


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return print, ('sprung',)

    torch.save({'state_dict': Trap()}, tmp_path / 'a.pth')
    assert 'expected a file of tensors' in refused(tmp_path / 'a.pth', capsys)
