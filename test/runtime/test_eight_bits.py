# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.eight_bits import in_eight_bits, input_ranges
from ddfnet_ros.runtime.openvino_core import OpenVINOCore
from ddfnet_ros.runtime.selection import choose_ranges
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.tonemap import mu_law

CPU = torch.device('cpu')


def layers() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 4, 3, padding=1))


def test_ranges_are_those_of_what_is_given():
    network, given = layers(), torch.randn(2, 3, 12, 12)
    between = network[:2](given).detach()
    ranges = input_ranges(network, lambda: [network(x[None]) for x in given])
    measured = dict(ranges)
    assert measured == {'2': (0.0, pytest.approx(float(between.max())))}  # '0' has few channels
    network(given + 100)  # nothing listens any more
    assert ranges == measured


def test_what_is_rounded_is_what_integers_give():
    network, given = layers(), torch.randn(1, 3, 12, 12)
    x = network[:2](given).detach()
    found = in_eight_bits(network, {'2': (-0.5, float(x.max()))})(given).detach()
    step = (x.max() + 0.5) / 255
    zero = round(float(0.5 / step))
    levels = ((x / step).round() + zero).clamp(0, 255) - zero
    weight = network[2].weight.detach()
    steps = weight.abs().amax((1, 2, 3), keepdim=True) / 127
    sums = F.conv2d(levels.double(), (weight / steps).round().double(), padding=1)
    expected = sums * float(step) * steps.flatten()[:, None, None] + network[2].bias[:, None, None]
    torch.testing.assert_close(found, expected.float(), atol=1e-5, rtol=1e-5)
    assert 0 < (found - network(given)).abs().max() < 0.05
    with pytest.raises(ValueError, match='ranges of 1 convolutions, got 1 of others'):
        in_eight_bits(network, {'0': (0.0, 1.0)})


@torch.inference_mode()
def test_openvino_gives_what_torch_rounds():
    pytest.importorskip('openvino')
    torch.manual_seed(0)
    core = FastFusion(FastConfig(blocks=1)).eval().core
    nn.init.normal_(core.frame_head[-1].weight, std=0.3)
    given = [torch.rand(1, 32, 16, 24) for _ in range(3)], [torch.randn(1, 3, 16, 24)] * 2
    with torch.inference_mode(mode=False):
        ranges = input_ranges(core, lambda: core(*given))
    found = OpenVINOCore(core, torch.float32, 1, ranges)(*given)
    expected = in_eight_bits(core, ranges)(*given)
    for one, other, whole in zip(found, expected, core(*given), strict=True):
        # A value at the border between two levels may fall to either side.
        assert (one - other).square().mean() < 1e-3 * whole.square().mean()
        assert (one - whole).square().mean() < 1e-2 * whole.square().mean()
        assert not torch.equal(one, whole)


def test_eight_bits_are_for_cpus_with_instructions_for_them(monkeypatch):
    card = {'ranges': {'2': [0, 1.5]}}
    has = {'avx512_vnni': True}
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: has)
    assert choose_ranges('auto', 'auto', CPU, card) == {'2': (0.0, 1.5)}
    for asked in (('bfloat16', 'auto', CPU, card), ('auto', 'torch', CPU, card),
                  ('auto', 'auto', torch.device('cuda'), card), ('auto', 'auto', CPU, {})):
        assert choose_ranges(*asked) is None
    has.clear()
    assert choose_ranges('auto', 'auto', CPU, card) is None
    assert choose_ranges('int8', 'auto', CPU, card) == {'2': (0.0, 1.5)}


@pytest.mark.parametrize(('backend', 'device', 'card', 'got'), [
    ('auto', 'cpu', {}, 'no ranges'),
    ('torch', 'cpu', {'ranges': {}}, 'torch on cpu'),
    ('auto', 'cuda:0', {'ranges': {}}, 'auto on cuda:0'),
])
def test_eight_bits_that_cannot_be_are_said(backend, device, card, got):
    with pytest.raises(ValueError, match=f'^precision: expected OpenVINO .* got {got}; '):
        choose_ranges('int8', backend, torch.device(device), card)


@pytest.fixture(scope='module')
def bracket():
    """A textured scene of which a part moves, as 8 bits with noise."""
    random = np.random.default_rng(3)
    scene = cv2.GaussianBlur(random.random((180, 320, 3)), (0, 0), 4)
    scene = (scene - scene.min()) / np.ptp(scene)
    frames = []
    for k in range(3):
        moved = scene.copy()
        moved[60:100, 90 + 12 * k:140 + 12 * k] = scene[:40, :50] / 4 + 0.7
        ldr = (moved * 4**k / 4).clip(0, 1) ** (1 / 2.2) + random.normal(0, 0.004, scene.shape)
        frames.append(Frame(pixels=np.uint8(ldr.clip(0, 1) * 255), exposure_time=4.0**k))
    return Bracket.of(frames)


def test_the_shipped_model_in_eight_bits_is_50_db_and_more_from_bfloat16(bracket):
    pytest.importorskip('openvino')
    deghosters = [Deghoster(DeghosterSettings(model='fast', device='cpu', precision=precision))
                  for precision in ('bfloat16', 'int8')]
    assert [d.precision for d in deghosters] == ['bfloat16', 'int8']
    expected, found = (mu_law(torch.from_numpy(d(bracket).radiance).clamp(0, 1))
                       for d in deghosters)
    assert 0 < (found - expected).square().mean() < 1e-5
