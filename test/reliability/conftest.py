# SPDX-License-Identifier: Apache-2.0
"""The bench of test/node, and results made by hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghosted import Deghosted


def _loaded(name, path):
    """A conftest of another folder: it has no package to be imported from."""
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


node_bench = _loaded('node_bench', Path(__file__).parents[1] / 'node' / 'conftest.py')
ros, model = node_bench.ros, node_bench.model
bench_with, bench = node_bench.bench_with, node_bench.bench


@pytest.fixture(scope='session')
def new_bench():
    """`started` of test/node: for benches that live longer than a test."""
    return node_bench.started


@pytest.fixture
def deghosted():
    """Makes a small result whose frames are of this coordinate frame."""
    def make(frame_id='camera'):
        frames = [Frame(pixels=np.full((8, 8, 3), 40, np.uint8), exposure_time=time,
                        stamp_ns=10**9, frame_id=frame_id) for time in (0.001, 0.004)]
        return Deghosted(Bracket.of(frames), np.ones((8, 8, 3), np.float32),
                         np.full((8, 8, 3), 7, np.uint8), {}, dict, dict)

    return make
