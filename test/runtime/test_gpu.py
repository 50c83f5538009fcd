# SPDX-License-Identifier: Apache-2.0
"""Every device and way of computing gives the picture that float32 in torch on the CPU gives."""

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.tonemap import mu_law

EXPOSURES = (0.001, 0.004, 0.016)
DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a GPU'))]
LEAST_DB = {'float32': 60.0, 'bfloat16': 50.0}


@pytest.fixture(scope='module')
def bracket():
    """A textured scene with a bright square that moves, as 8 bits with noise."""
    random = np.random.default_rng(3)
    scene = cv2.GaussianBlur(random.random((180, 320, 3)), (0, 0), 4)
    scene = (scene - scene.min()) / np.ptp(scene)
    frames = []
    for k, exposure in enumerate(EXPOSURES):
        moved = scene.copy()
        moved[60:100, 90 + 12 * k:140 + 12 * k] = scene[:40, :50] / 4 + 0.7
        ldr = (moved * exposure / EXPOSURES[0] / 4).clip(0, 1) ** (1 / 2.2)
        noisy = (ldr + random.normal(0, 0.004, ldr.shape)).clip(0, 1)
        frames.append(Frame(pixels=np.round(noisy * 255).astype(np.uint8), exposure_time=exposure))
    return Bracket.of(frames)


def fused(bracket, **settings):
    deghosted = Deghoster(DeghosterSettings(model='fast', **settings))(bracket)
    radiance = torch.from_numpy(deghosted.radiance * EXPOSURES[0])
    return deghosted, mu_law(radiance.clamp(0, 1))


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.parametrize('device', DEVICES)
def test_devices_and_precisions_agree(bracket, device, precision):
    _, expected = fused(bracket, device='cpu', precision='float32', backend='torch')
    deghosted, found = fused(bracket, device=device, precision=precision)
    difference = float((expected - found).square().mean())
    assert -10 * np.log10(max(difference, 1e-12)) >= LEAST_DB[precision]
    assert deghosted.image.dtype == np.uint8


@pytest.mark.parametrize('device', DEVICES)
def test_the_same_bracket_gives_the_same_bits(bracket, device):
    deghoster = Deghoster(DeghosterSettings(model='fast', device=device))
    first, second = (deghoster(bracket).radiance for _ in range(2))
    np.testing.assert_array_equal(first, second)
