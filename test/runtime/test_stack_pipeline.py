# SPDX-License-Identifier: Apache-2.0

import pytest
import torch

from ddfnet_ros import network
from ddfnet_ros.network.layers import PreciseConv2d
from ddfnet_ros.runtime.graphs import Graphs
from ddfnet_ros.runtime.guard import OFF, Guard
from ddfnet_ros.runtime.halo import without_halo
from ddfnet_ros.runtime.pipeline import Prepared
from ddfnet_ros.runtime.request import BatchKey
from ddfnet_ros.runtime.stack_pipeline import StackPipeline

from .conftest import small_fast

CPU = torch.device('cpu')
STACK, MOTION = torch.rand(1, 3, 6, 24, 32), torch.randn(1, 2, 2, 24, 32)
GUARD = Guard(0.01)
KEY = BatchKey((24, 32), frames=3, reference_index=1, mend_halos=True)


def prepared(stack=STACK, motion=MOTION, guard=GUARD):
    return Prepared(None, stack, motion, guard, ())


@pytest.fixture
def pipeline():
    """One whose graphs are work that the CPU does again."""
    def capture(work):
        result = work()
        pipeline.captured += 1
        return result, lambda: result.copy_(work())

    pipeline = StackPipeline(small_fast(), lambda stack: MOTION, CPU, torch.float32)
    pipeline.captured = 0
    assert pipeline.graphs is None  # of a CPU
    pipeline.graphs = Graphs(capture)
    return pipeline


def radiance(pipeline, **changes):
    (one,) = pipeline.radiances([prepared()], KEY._replace(**changes))
    return one


@torch.inference_mode()
def test_replayed_work_is_that_of_the_network_and_of_mending(pipeline):
    cases = [{'reference_index': index, 'mend_halos': mended}
             for index, mended in ((0, True), (1, True), (1, False), (2, True))]
    graphs, pipeline.graphs = pipeline.graphs, None
    expected = [radiance(pipeline, **case) for case in cases]
    assert pipeline.captured == 0
    pipeline.graphs = graphs
    for _ in range(3):
        for case, once in zip(cases, expected, strict=True):
            assert torch.equal(radiance(pipeline, **case), once)
    assert pipeline.captured == len(expected)


@torch.inference_mode()
def test_a_batch_has_a_graph_of_its_own_and_each_its_own_result(pipeline):
    batch = [prepared(), prepared(torch.rand_like(STACK), MOTION / 2, OFF),
             prepared(torch.rand_like(STACK), MOTION * 0, Guard(0.0))]
    expected = [pipeline.radiances([one], KEY)[0] for one in batch]
    assert pipeline.captured == 1
    for _ in range(3):
        found = pipeline.radiances(batch, KEY)
        for alone, one in zip(expected, found, strict=True):
            torch.testing.assert_close(one, alone, rtol=1e-5, atol=1e-6)
    assert pipeline.captured == 2


@torch.inference_mode()
def test_bands_are_not_replayed(pipeline):
    for _ in range(3):
        radiance(pipeline, bands=2)
    assert pipeline.captured == 0


@torch.inference_mode()
def test_where_memory_is_short_nothing_is_kept(pipeline):
    for _ in range(2):
        radiance(pipeline)
    pipeline.forget()
    for _ in range(2):
        radiance(pipeline)
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
