# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.cli import main
from ddfnet_ros.network.fast import FastConfig, FastFusion

pytestmark = pytest.mark.timeout(600)  # torch takes a while, once, to learn how to export


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """A small network whose every layer matters, and its file."""
    path = tmp_path_factory.mktemp('models') / 'tiny.safetensors'
    torch.manual_seed(0)
    network = FastFusion(FastConfig(channels=8, context=8, blocks=1)).eval()
    torch.nn.init.normal_(network.core.frame_head[-1].weight, std=0.3)
    return network, path, weights.save(network, path, {})


@pytest.fixture(scope='module')
def exported(model, tmp_path_factory):
    """What `ddfnet export --json` says, and the file."""
    path = tmp_path_factory.mktemp('onnx') / 'tiny.onnx'
    words = ['--model', str(model[1]), '--frames', '2', '--reference', '2', '--json']
    # In a process of its own: torch traces with numbers that the checker of shapes refuses.
    code = 'import sys; from ddfnet_ros.cli import main; sys.exit(main(sys.argv[1:]))'
    done = subprocess.run([sys.executable, '-c', code, 'export', '--output', path, *words],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    return json.loads(done.stdout), path


def test_the_file_computes_what_torch_does_at_any_size(model, exported):
    session = onnxruntime.InferenceSession(exported[1], providers=['CPUExecutionProvider'])
    generator = torch.Generator().manual_seed(5)
    for height, width in ((72, 48), (24, 136)):
        stack = torch.rand((1, 2, 6, height, width), generator=generator)
        flow = 5 * torch.randn((1, 1, 2, height, width), generator=generator)
        (radiance,) = session.run(None, {'stack': stack.numpy(), 'flow': flow.numpy()})
        with torch.no_grad():
            expected = model[0](stack, flow, 1)
        np.testing.assert_allclose(radiance, expected, atol=1e-4)


def test_shapes_checksum_and_arithmetic_are_told(exported):
    told, path = exported
    assert told['inputs'] == {'stack': [1, 2, 6, '8*height', '8*width'],
                              'flow': [1, 1, 2, '8*height', '8*width']}
    assert told['outputs'] == {'radiance': [1, 3, '8*height', '8*width']}
    assert told['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told['difference'] < 1e-3
    assert told['multiple'] == 8


def test_the_file_tells_its_weights_and_nothing_of_the_machine_it_was_made_on(model, exported):
    written = onnx.load(exported[1])
    told = {entry.key: entry.value for entry in written.metadata_props}
    assert told == {'model': 'tiny', 'weights_sha256': model[2], 'reference': '2'}
    assert not any(node.metadata_props for node in written.graph.node)
    assert b'ddfnet_ros/' not in exported[1].read_bytes()


def test_without_the_packages_the_extra_is_named(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    path = tmp_path / 'x.onnx'
    assert main(['export', '--model', str(model[1]), '--output', str(path)]) == 2
    assert capsys.readouterr().err.endswith('pip install "ddfnet_ros[export]"\n')
    assert not path.exists()


@pytest.mark.parametrize(('words', 'said'), [
    (['--output', 'x.pt'], 'ends in .onnx'),
    (['--output', 'x.onnx', '--frames', '1'], '--frames: expected 2 to 9'),
    (['--output', 'x.onnx', '--frames', '2', '--reference', '3'], '--reference: expected 0 to 2'),
    (['--output', 'x.onnx', '--model', 'superb'], 'choose one of those present'),
])
def test_bad_options_get_one_line(words, said, capsys):
    assert main(['export', *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
