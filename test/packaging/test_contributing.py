# SPDX-License-Identifier: Apache-2.0
"""The examples of CONTRIBUTING.md are code of the files that they name."""

import __future__

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.metadata import FrameMetadata, MetadataReader
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.settings import RadianceSettings

TEXT = (Path(__file__).resolve().parents[2] / 'CONTRIBUTING.md').read_text(encoding='utf-8')
EXAMPLES = dict(re.findall(r'```python\n# (ddfnet_ros/\S+)\n(.*?)```', TEXT, re.DOTALL))


def added(path):
    """The names of a file after the example was added to it, with dictionaries of their own."""
    name = path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')
    names = {'__name__': name}
    if importlib.util.find_spec(name):
        names = {key: dict(value) if isinstance(value, dict) else value
                 for key, value in vars(importlib.import_module(name)).items()}
    annotations = __future__.annotations.compiler_flag  # as the files themselves have it
    exec(compile(EXAMPLES[path], path, 'exec', annotations), names)
    return SimpleNamespace(**names)


def bracket():
    scene = np.linspace(0.01, 1, 32 * 48 * 3, dtype=np.float32).reshape(32, 48, 3)
    return Bracket.of(
        Frame(pixels=np.clip(scene * t, 0, 1) ** np.float32(1 / 2.2), exposure_time=t)
        for t in (1.0, 4.0, 16.0))


def test_no_example_is_left_out():
    assert len(EXAMPLES) == 5
    assert TEXT.count('```python') == len(EXAMPLES)


def test_the_exposure_source_reads_its_messages():
    reader = MetadataReader(added('ddfnet_ros/metadata/sources.py').SOURCES['my_camera'])
    message = SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id='camera'),
        sensor=SimpleNamespace(exposure=4000, gain=20.0), sequence=7)
    assert reader.read(message) == FrameMetadata(4e-3, 10.0, 7)
    assert reader.stamp_ns(message) == 1_000_000_002


def test_the_operator_maps_the_log_average_to_the_key():
    film = added('ddfnet_ros/tonemap.py')._OPERATORS['film']
    out = film(torch.full((3, 2, 2), 0.02), RadianceSettings(key=0.18))
    assert out[0, 0, 0].item() == pytest.approx((1 - np.exp(-0.18)) ** (1 / 2.2), rel=2e-3)


def test_the_peer_raises_contrast(monkeypatch):
    clahe = added('ddfnet_ros/evaluation/baselines/clahe.py')
    monkeypatch.setitem(sys.modules, 'ddfnet_ros.evaluation.baselines.clahe', clahe)
    peer = added('ddfnet_ros/evaluation/baselines/__init__.py').PEERS['clahe']
    picture = peer(bracket())
    assert picture.shape == (32, 48, 3)
    assert 0 <= picture.min() < picture.max() <= 1
    assert picture.std() > bracket().reference.pixels.std()


@pytest.mark.filterwarnings('ignore')  # of torch's tracer
@torch.no_grad()
def test_the_backend_gives_what_torch_gives():
    model = FastFusion(FastConfig(channels=8, context=8, blocks=1)).eval()
    for n in (2, 3, 2):
        stack, flow = torch.rand(1, n, 6, 32, 48), torch.randn(1, n - 1, 2, 32, 48)
        core = model.core
        expected = model(stack, flow, 0)
        model.core = added('ddfnet_ros/runtime/traced_core.py').TracedCore(core)
        torch.testing.assert_close(model(stack, flow, 0), expected)
        model.core = core
