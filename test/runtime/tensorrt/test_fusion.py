# SPDX-License-Identifier: Apache-2.0
import gc
import weakref

import pytest
import torch

from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.runtime.stack_pipeline import StackPipeline
from ddfnet_ros.runtime.tensorrt import fusion
from ddfnet_ros.runtime.tensorrt.engines import Engines

from .networks import CUDA, fusion_of, network


@pytest.mark.parametrize('model', [network(), AHDRNet(AHDRNetConfig())])
def test_what_else_a_network_can_do_it_does_itself(model):
    found = fusion_of(model)
    assert found.multiple == model.multiple
    for name in ('shares', 'reach'):
        assert hasattr(found, name) == hasattr(model, name)


class Run:
    """Stands in for an engine at work."""


@pytest.fixture
def runs(monkeypatch):
    """A fusion whose engines are told, not built or run."""
    monkeypatch.setattr(Engines, 'get', lambda self, *about: about)
    monkeypatch.setattr(Engines, 'logger', None)
    monkeypatch.setattr(fusion, '_Execution', lambda *about: Run())
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    return fusion_of()


def test_a_size_keeps_what_it_runs_in_as_long_as_it_is_among_the_latest(runs):
    first = runs._execution(3, 1, (16, 16))
    for k in range(2, 9):
        runs._execution(3, 1, (16 * k, 16))
    assert runs._execution(3, 1, (16, 16)) is first
    seen = weakref.ref(runs._execution(3, 1, (32, 16)))
    for k in range(20, 30):
        runs._execution(3, 1, (16 * k, 16))
    gc.collect()
    assert seen() is None
    assert len(runs._executions) == fusion._EXECUTIONS_KEPT


def test_a_graph_keeps_alive_what_it_was_captured_from(runs, monkeypatch):
    replayed = []
    monkeypatch.setattr(fusion, 'cuda_graph',
                        lambda work: (work(), lambda: replayed.append('again')))

    def work():
        runs._execution(3, 1, (16, 16))
        return torch.ones(1)

    pipeline = StackPipeline(runs, lambda given: given, CUDA, torch.bfloat16)
    result, replay = pipeline.graphs._capture(work)
    seen = weakref.ref(runs._execution(3, 1, (16, 16)))
    for k in range(20, 30):
        runs._execution(3, 1, (16 * k, 16))
    gc.collect()
    assert seen() is not None
    replay()
    assert (result.item(), replayed) == (1, ['again'])
    del replay
    gc.collect()
    assert seen() is None
