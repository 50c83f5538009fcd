# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.network.layers import PreciseConv2d
from ddfnet_ros.runtime.graphs import Graphs
from ddfnet_ros.runtime.guard import STEPS
from ddfnet_ros.runtime.halo import without_halo
from ddfnet_ros.runtime.stack_pipeline import StackPipeline

CPU = torch.device('cpu')
GIVEN = torch.rand(1, 3, 6, 24, 32), torch.randn(1, 2, 2, 24, 32)


@pytest.fixture
def pipeline():
    """One whose graphs are work that the CPU does again."""
    def capture(work):
        result = work()
        pipeline.captured += 1
        return result, lambda: result.copy_(work())

    torch.manual_seed(2)
    model = FastFusion(FastConfig(channels=8, context=8, blocks=1)).eval()
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=0.3)
    pipeline = StackPipeline(model, lambda stack: GIVEN[1], CPU, torch.float32)
    pipeline.captured = 0
    assert pipeline.graphs is None  # of a CPU
    pipeline.graphs = Graphs(capture)
    return pipeline


@torch.inference_mode()
def test_replayed_work_is_that_of_the_network_and_of_mending(pipeline):
    pipeline.replays = False
    expected = {case: pipeline.radiance(*GIVEN, *case, STEPS)
                for case in ((0, True), (1, True), (1, False), (2, True))}
    assert pipeline.captured == 0
    pipeline.replays = True
    for _ in range(3):
        for case, radiance in expected.items():
            assert torch.equal(pipeline.radiance(*GIVEN, *case, STEPS), radiance)
    assert pipeline.captured == len(expected)


@torch.inference_mode()
def test_bands_are_not_replayed(pipeline):
    pipeline.bands = 2
    for _ in range(3):
        pipeline.radiance(*GIVEN, 1, True, STEPS)
    assert pipeline.captured == 0


@torch.inference_mode()
def test_where_memory_is_short_nothing_is_kept(pipeline):
    for _ in range(2):
        pipeline.radiance(*GIVEN, 1, True, STEPS)
    pipeline.forget()
    for _ in range(2):
        pipeline.radiance(*GIVEN, 1, True, STEPS)
    assert pipeline.captured == 2


@pytest.mark.parametrize('config', [
    {'architecture': 'fast'}, {'architecture': 'ahdrnet'}, {'architecture': 'ddfnet'},
    {'architecture': 'ddfnet', 'shortcut': True},
    {'architecture': 'ddfnet', 'structure': 'warp', 'normalisation': 'ratio'},
    {'architecture': 'deephdr'}, {'architecture': 'kalantari17'},
], ids=str)
@torch.inference_mode()
def test_what_a_graph_would_capture_asks_the_host_for_nothing(config, monkeypatch):
    """On the device without values a question raises, as a tensor of another device does."""
    monkeypatch.setattr(PreciseConv2d, 'forward', torch.nn.Conv2d.forward)  # no autocast there
    model = network.build(config).eval().to('meta')
    given, motion = (torch.empty(*x, 64, 96, device='meta') for x in ((1, 3, 6), (1, 2, 2)))
    radiance = model(given, motion, 1)[0]
    mended = without_halo(radiance, given, motion, 1)
    assert (mended.shape, mended.device.type) == ((3, 64, 96), 'meta')
