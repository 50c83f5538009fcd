# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from ddfnet_ros import weights

from .networks import network

_EXPORT = """
import sys
from pathlib import Path

import torch

from ddfnet_ros import weights
from ddfnet_ros.runtime.selection import move_
from ddfnet_ros.runtime.tensorrt.engines import Engines

folder = Path(sys.argv[1])
network = weights.load(folder / 'tiny.safetensors').model
with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
    move_(network, torch.device('cpu'))
    graph = Engines(network, torch.device('cuda'), torch.bfloat16, 'ab12')._graph(3, 1)
(folder / 'tiny.onnx').write_bytes(graph)
"""


@pytest.fixture(scope='session')
def graph(tmp_path_factory):
    """ONNX of the small network, as it is exported at the first bracket, in bfloat16."""
    folder = tmp_path_factory.mktemp('onnx')
    weights.save(network(), folder / 'tiny.safetensors', {})
    # In a process of its own: torch traces with numbers that the checker of shapes refuses.
    subprocess.run([sys.executable, '-c', _EXPORT, folder], check=True)
    return (folder / 'tiny.onnx').read_bytes()


@pytest.fixture
def rtx(monkeypatch):
    """TensorRT for RTX, which has the same builder and builds without a card."""
    module = pytest.importorskip('tensorrt_rtx', reason='needs tensorrt-rtx')
    monkeypatch.setitem(sys.modules, 'tensorrt', module)
