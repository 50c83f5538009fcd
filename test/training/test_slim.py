# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.training import checkpoint, slim
from ddfnet_ros.training.checkpoint import Checkpoint
from ddfnet_ros.training.settings import TrainingSettings
from ddfnet_ros.training.train import train


@pytest.fixture
def trained(settings, tmp_path):
    """A run of four steps that has left a slim checkpoint."""
    return replace(settings, slim=str(tmp_path / 'slim')), train(
        replace(settings, slim=str(tmp_path / 'slim')))


def test_the_largest_of_them_fits_small_transfers(tmp_path):
    """DDFNet and the PWC-Net trained along with it."""
    average = network.build({'architecture': 'ddfnet'}).state_dict()
    motion = network.build({'architecture': 'pwcnet'}).state_dict()
    tensors = {f'average.{k}': v for k, v in average.items()}
    tensors |= {f'flow_average.{k}': v for k, v in motion.items()}
    tensors |= {f'model.{k}': v for k, v in average.items()}
    facts = {'step': 7, 'seconds': 1.0, 'settings': asdict(TrainingSettings())}
    files = slim.write(Checkpoint(facts, tensors), tmp_path)
    sizes = [path.stat().st_size for path in files]
    assert sum(sizes) <= 25 * 2**20
    assert max(sizes) < 16 * 2**20
    assert len(files) <= 8
    back = slim.read(tmp_path)
    assert back.tensors.keys() == {k for k in tensors if not k.startswith('model.')}
    for name, tensor in back.tensors.items():
        torch.testing.assert_close(tensor, tensors[name], rtol=1e-3, atol=1e-4)


def test_training_leaves_one_that_has_the_average_alone(trained):
    settings, state = trained
    stored = slim.read(Path(settings.slim))
    assert stored.facts['step'] == 4
    assert stored.is_slim
    for name, value in state.average.state_dict().items():
        torch.testing.assert_close(stored.part('average')[name], value, rtol=1e-3, atol=1e-3)


def test_a_run_goes_on_from_it_and_warms_up_again(trained, tmp_path):
    settings, before = trained
    after = train(replace(settings, run=str(tmp_path / 'next'), start_from=settings.slim,
                          steps=5, rewarm=10, slim=''))
    assert after.step == 5
    assert (after.ramp.start, after.ramp.length) == (4, 10)
    assert after.seconds > before.seconds
    name, moved = next(iter(after.average.state_dict().items()))
    torch.testing.assert_close(moved, before.average.state_dict()[name], rtol=1e-2, atol=1e-2)


def test_its_index_may_be_named_too(trained, tmp_path):
    settings, _ = trained
    index = str(Path(settings.slim) / slim.INDEX)
    assert train(replace(settings, run=str(tmp_path / 'n'), start_from=index, steps=5)).step == 5


def test_one_made_of_a_run_equals_what_training_leaves(trained, tmp_path):
    settings, _ = trained
    slim.write(checkpoint.read(Path(settings.run)), tmp_path / 'again')
    left, made = (json.loads((Path(folder) / slim.INDEX).read_text())
                  for folder in (settings.slim, tmp_path / 'again'))
    assert left == made


def test_a_second_one_replaces_the_first(trained, monkeypatch):
    settings, _ = trained
    folder = Path(settings.slim)
    monkeypatch.setattr(slim, 'PART_BYTES', 4000)
    slim.write(slim.read(folder), folder)
    assert len(list(folder.glob('step_4_part_*'))) > 2
    monkeypatch.undo()
    slim.write(slim.read(folder), folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        'index.json', 'step_4_part_1_of_1.safetensors']


@pytest.mark.parametrize('damage', [Path.unlink, lambda path: path.write_bytes(
    path.read_bytes()[:-2] + b'ab')])
def test_a_part_that_is_missing_or_damaged_is_named(trained, damage):
    settings, _ = trained
    damage(Path(settings.slim) / 'step_4_part_1_of_1.safetensors')
    with pytest.raises(ValueError, match=r'part_1_of_1.* expected sha256 .*copy all parts') as e:
        slim.read_any(Path(settings.slim))
    assert '\n' not in str(e.value)


@pytest.mark.parametrize(('name', 'content'), [
    ('step_4_part_1_of_1.safetensors', None), ('index.json', b'{}'), ('index.json', b'{"facts'),
    ('index.json', b'[1]'), ('index.json', b'{"facts": {}, "parts": {}}')])
def test_a_damaged_one_names_the_file(trained, name, content):
    path = Path(trained[0].slim) / name
    path.write_bytes(path.read_bytes()[:100] if content is None else content)
    with pytest.raises(ValueError, match=f'{name}: expected a slim checkpoint, got .*; copy it'):
        slim.read_any(Path(trained[0].slim))


def test_an_index_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'index.json: expected a checkpoint, got none'):
        slim.read_any(tmp_path / slim.INDEX)


def test_until_a_new_one_is_whole_the_old_one_stays(trained, monkeypatch, tmp_path):
    settings, _ = trained
    folder = Path(settings.slim)
    newer = slim.read(folder)
    newer.facts['step'] = 5

    def run_out_of_space(*_):
        raise OSError('no space left')

    with monkeypatch.context() as patch:
        patch.setattr(slim.weights, 'write', run_out_of_space)
        with pytest.raises(OSError, match='no space'):
            slim.write(newer, folder)
    assert slim.read(folder).facts['step'] == 4
