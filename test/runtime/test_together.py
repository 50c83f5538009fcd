# SPDX-License-Identifier: Apache-2.0
"""What is fused together is what is fused alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import DeghosterSettings

from .conftest import small_fast

EXPOSURES = (0.001, 0.004, 0.016)
SIZE = (44, 60)  # padded for `fast`


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
    """Small untrained models by architecture."""
    folder = tmp_path_factory.mktemp('models')
    made = {'fast': small_fast(), 'ddfnet': DDFNet(DDFNetConfig(width=8))}
    for name, network in made.items():
        weights.save(network, folder / f'{name}.safetensors', {})
    return {name: folder / f'{name}.safetensors' for name in made}


class Spy(torch.nn.Module):
    """A network that notes how many brackets it is given at once."""

    def __init__(self, network):
        super().__init__()
        self.network, self.given = network, []
        self.reach, self.shares = network.reach, network.shares

    def forward(self, stack, flow, reference_index):
        self.given.append(len(stack))
        return self.network(stack, flow, reference_index)


@pytest.fixture
def deghoster_of(paths):
    """Makes deghosters with a network that is spied on."""
    def make(architecture='fast', backend='torch'):
        made = Deghoster(DeghosterSettings(
            model=str(paths[architecture]), device='cpu', threads=1, precision='float32',
            backend=backend))
        made._stacked.model = Spy(made._stacked.model)
        return made

    return make


def bracket(seed, size=SIZE, exposures=EXPOSURES, dtype=np.uint8, reference=0):
    random = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(random.random((*size, 3)), (0, 0), 2).clip(0.3, 0.7)
    frames = []
    for k, exposure in enumerate(exposures):
        ldr = np.roll((scene * exposure / EXPOSURES[1]).clip(0, 1) ** (1 / 2.2), 2 * k, axis=1)
        top = np.iinfo(dtype).max if dtype != np.float32 else 1
        frames.append(Frame(pixels=(ldr * top).astype(dtype), exposure_time=exposure))
    return Bracket.of(frames, reference)


def assert_same(found, alone):
    np.testing.assert_allclose(found.radiance, alone.radiance, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.image.astype(int), alone.image.astype(int), atol=1)
    np.testing.assert_array_equal(found.motion(), alone.motion())
    np.testing.assert_allclose(found.shares(), alone.shares(), atol=1e-5)
    assert found.bracket is alone.bracket


def fused_alone(deghoster, requests):
    return [deghoster(request.bracket, request.settings) for request in requests]


@pytest.mark.parametrize('architecture', ['fast', 'ddfnet'])
def test_brackets_that_agree_are_one_call_and_each_has_its_own_result(
        deghoster_of, architecture):
    deghoster = deghoster_of(architecture)
    settings = deghoster.settings
    requests = [Request(bracket(1), settings),
                Request(bracket(2, exposures=(0.002, 0.008, 0.016)),
                        replace(settings, tone_map='mu')),
                Request(bracket(3), replace(settings, guard_reference=False, gamma=2.0))]
    alone = fused_alone(deghoster, requests)
    deghoster._stacked.model.given.clear()
    found = [pending.result() for pending in deghoster.submit_batch(requests)]
    assert deghoster._stacked.model.given == [3]
    for together, single in zip(found, alone, strict=True):
        assert_same(together, single)
        assert (together.together, single.together) == (3, 1)
        if architecture == 'ddfnet':
            np.testing.assert_array_equal(together.radiance, single.radiance)


@pytest.mark.parametrize('architecture', ['fast', 'ddfnet'])
def test_brackets_that_do_not_agree_are_fused_beside_them_and_keep_their_order(
        deghoster_of, architecture):
    deghoster = deghoster_of(architecture)
    settings = deghoster.settings
    requests = [Request(bracket(1), settings), Request(bracket(2, size=(36, 60)), settings),
                Request(bracket(3, reference=1), settings), Request(bracket(4), settings),
                Request(bracket(5, exposures=(*EXPOSURES, 0.064)), settings),
                Request(bracket(6), replace(settings, mend_halos=False)),
                Request(bracket(7, dtype=np.float32), settings)]
    alone = fused_alone(deghoster, requests)
    deghoster._stacked.model.given.clear()
    found = [pending.result() for pending in deghoster.submit_batch(requests)]
    assert deghoster._stacked.model.given == [3, 1, 1, 1, 1]
    assert [one.together for one in found] == [3, 1, 1, 3, 1, 1, 3]
    for together, single in zip(found, alone, strict=True):
        assert_same(together, single)


def test_where_the_network_gives_no_number_only_that_bracket_shows_its_reference(
        deghoster_of, monkeypatch):
    deghoster = deghoster_of()
    requests = [Request(bracket(seed), deghoster.settings) for seed in (1, 2)]
    alone = deghoster(requests[0].bracket)
    run = deghoster._stacked.model.forward

    def spoiled(stack, *others):
        radiance = run(stack, *others)
        radiance[1] = torch.nan
        return radiance

    monkeypatch.setattr(deghoster._stacked.model, 'forward', spoiled)
    found = [pending.result() for pending in deghoster.submit_batch(requests)]
    np.testing.assert_allclose(found[0].radiance, alone.radiance, rtol=1e-5, atol=1e-3)
    reference = requests[1].bracket.reference
    np.testing.assert_allclose(
        found[1].radiance, (reference.pixels / 255) ** 2.2 / reference.exposure, rtol=1e-3)


def test_kernels_take_one_after_the_other(deghoster_of):
    pytest.importorskip('openvino')
    pytest.importorskip('numba')
    deghoster = deghoster_of(backend='auto')
    requests = [Request(bracket(seed), deghoster.settings) for seed in (1, 2)]
    found = [pending.result() for pending in deghoster.submit_batch(requests)]
    assert [one.together for one in found] == [1, 1]
    for together, single in zip(found, fused_alone(deghoster, requests), strict=True):
        np.testing.assert_array_equal(together.radiance, single.radiance)


def test_time_of_the_others_is_told_apart_from_its_own(deghoster_of):
    deghoster = deghoster_of()
    requests = [Request(bracket(seed), deghoster.settings) for seed in (1, 2)]
    found = [pending.result().stage_ms for pending in deghoster.submit_batch(requests)]
    for own, other in (found, found[::-1]):
        assert list(own) == ['prepare', 'flow', 'network', 'finish', 'others']
        assert own['others'] >= other['prepare'] + other['flow'] + other['finish']
        assert own['network'] == other['network']
    assert 'others' not in deghoster(requests[0].bracket).stage_ms


def test_exposures_that_no_camera_has_are_refused_before_anything_is_begun(deghoster_of):
    deghoster = deghoster_of()
    requests = [Request(bracket(1), deghoster.settings),
                Request(bracket(2, exposures=(1e12, 2e12, 4e12)), deghoster.settings)]
    with pytest.raises(ValueError, match='expected exposures of'):
        deghoster.submit_batch(requests)
    assert deghoster._stacked.model.given == []
