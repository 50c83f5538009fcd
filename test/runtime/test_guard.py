# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.kernels.guarding import guard
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.guard import (
    DEVIATIONS,
    ERROR,
    OFF,
    STEPS,
    Guard,
    apply_guard,
    estimate_guard,
    estimate_noise,
    margins,
)
from ddfnet_ros.settings import DeghosterSettings


def frame(level, size=(90, 120), noise=0.0, dtype=np.uint8, channels=3):
    """A grey of some level in [0, 1] with Gaussian noise."""
    random = np.random.default_rng(1)
    pixels = np.full((*size, channels), level) + random.normal(0, noise, (*size, channels))
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (pixels.clip(0, 1) * top).astype(dtype)
    return pixels if channels == 3 else pixels[..., 0]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [1, 3])
def test_the_noise_of_a_frame_is_seen(dtype, channels):
    found = estimate_noise(frame(0.5, noise=0.02, dtype=dtype, channels=channels))
    assert found == pytest.approx(0.02, rel=0.08)
    assert estimate_noise(frame(0.5, dtype=dtype, channels=channels)) == 0


def test_edges_are_not_noise():
    pixels = frame(0.5, noise=0.01, size=(90, 200))
    pixels[:, 20::20] = 90
    assert estimate_noise(pixels) < 0.02


@pytest.mark.parametrize('level', [0.05, 0.99])
def test_what_is_dark_or_clipped_all_over_tells_nothing(level):
    assert math.isinf(estimate_noise(frame(level)))
    assert math.isinf(estimate_noise(frame(0.5, size=(2, 2))))


NOISE = 0.01
HELD = Guard(NOISE, 0.5)
KEPT = NOISE**2 / (NOISE**2 + ERROR**2)
ALLOWED = 2.2 * (STEPS + DEVIATIONS * NOISE) / 0.5  # relative to the radiance of a half


def reference_of(ldr):
    """[I_1, P_1] of one row of greys, twice the shortest exposure."""
    values = torch.tensor(ldr).expand(3, 1, -1)
    return torch.cat([values, values**2.2 / 2])


def test_only_where_the_reference_is_well_exposed_the_result_is_held_to_it():
    reference = reference_of([0.1, 0.5, 0.5, 0.5, 0.95, 0.99])
    change = torch.tensor([0.8, 0.8, -0.8, 0.02, 0.8, 0.8])
    radiance = reference[3:] * (1 + change)
    found = apply_guard(radiance, reference, HELD) / reference[3:] - 1
    expected = torch.tensor([0.8, 0, 0, KEPT * 0.02, 0.4, 0.8]).expand(3, 1, -1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert apply_guard(radiance, reference, OFF) is radiance


@pytest.mark.parametrize('sign', [1, -1])
def test_the_further_away_the_less_is_left(sign):
    away = sign * ALLOWED * torch.tensor([0.5, 1.0, 1.5, 1.9, 2.0, 5.0])
    reference = reference_of([0.5] * 6)
    found = apply_guard(reference[3:] * (1 + away), reference, HELD) / reference[3:] - 1
    left = sign * ALLOWED * KEPT * torch.tensor([0.5, 1.0, 0.5, 0.1, 0.0, 0.0])
    torch.testing.assert_close(found, left.expand(3, 1, -1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('dark', [0.02, 0.01, 0.0])
def test_a_dark_channel_of_a_bright_pixel_has_room(dark):
    reference = reference_of([0.5])
    reference[1], reference[4] = dark, dark**2.2 / 2
    radiance = reference[3:].clone()
    radiance[1] += 1.9 * 0.02**2.2 / 2
    found = apply_guard(radiance, reference, HELD) - reference[3:]
    torch.testing.assert_close(found, KEPT * (radiance - reference[3:]))
    radiance[1] = reference[4] + 20 * 0.02**2.2 / 2
    assert apply_guard(radiance, reference, HELD)[1].item() == pytest.approx(
        reference[4].item(), rel=1e-4, abs=1e-9)


def test_all_channels_come_back_together():
    reference = reference_of([0.5])
    away = ALLOWED * torch.tensor([1.5, -0.8, 0.2]).reshape(3, 1, 1)
    found = apply_guard(reference[3:] * (1 + away), reference, HELD) / reference[3:] - 1
    torch.testing.assert_close(found, KEPT * away / 3, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize('noise', [0.002, 0.006])
def test_the_mean_with_the_reference_is_nearer_to_the_truth_than_either(noise):
    """A result that errs by a step, and a reference by its noise: the mean errs least."""
    random = torch.Generator().manual_seed(4)
    truth = torch.full((3, 60, 60), 0.5)
    seen = truth + noise * torch.randn(truth.shape, generator=random)
    result = truth + ERROR * torch.randn(truth.shape, generator=random)
    reference = torch.cat([seen, seen**2.2])
    found = apply_guard(result**2.2, reference, Guard(noise)) ** (1 / 2.2)
    errors = [(x - truth).std().item() for x in (found, seen, result)]
    assert errors[0] < 0.99 * min(errors[1:])
    assert errors[0] == pytest.approx((1 / (noise**-2 + ERROR**-2)) ** 0.5, rel=0.03)


def test_of_a_reference_without_noise_all_is_taken():
    reference = reference_of([0.5, 0.8])
    found = apply_guard(reference[3:] * 1.001, reference, Guard(0.0, 0.5))
    torch.testing.assert_close(found, reference[3:])


def test_the_white_is_that_of_the_reference_exposure():
    frames = (Frame(pixels=frame(0.5), exposure_time=t) for t in (0.002, 0.008, 0.032))
    assert estimate_guard(Bracket.of(frames)) == Guard(0.0, 0.25)


@pytest.mark.parametrize('gamma', [1.8, 2.2, 3.0])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_the_kernel_does_the_same(dtype, gamma):
    random = np.random.default_rng(2)
    top = np.iinfo(dtype).max
    pixels = random.integers(0, top, (16, 24, 3), dtype=dtype, endpoint=True)
    levels = np.linspace(0, 1, top + 1, dtype=np.float32)
    linear = levels**np.float32(gamma) / 2
    radiance = np.float32(linear[pixels] * random.uniform(0.3, 3, pixels.shape)).transpose(2, 0, 1)
    reference = torch.from_numpy(np.concatenate(
        [levels[pixels].transpose(2, 0, 1), linear[pixels].transpose(2, 0, 1)]))
    expected = apply_guard(torch.from_numpy(radiance.copy()), reference, HELD)
    found = radiance.copy()
    for rows in ((0, 8), (8, 8)):
        guard(pixels, linear, *margins(linear, NOISE), rows, found)
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-5, atol=1e-7)
    assert not np.array_equal(found, radiance)


@pytest.mark.parametrize('backend', ['auto', 'torch'])
def test_a_frame_that_is_not_of_the_exposure_that_is_said_changes_little(backend):
    """The longest is in truth longer by three quarters: the reference says how bright it is."""
    random = np.random.default_rng(3)
    scene = random.uniform(0.12, 0.17, (12, 16, 3)).repeat(8, 0).repeat(8, 1)
    frames = [Frame(pixels=np.uint8((scene * true).clip(0, 1) ** (1 / 2.2) * 255 + 0.5),
                    exposure_time=said)
              for true, said in ((0.25, 0.25), (1.0, 1.0), (5.6, 3.2))]
    errors = {}
    for held in (True, False):
        fuse = Deghoster(DeghosterSettings(model='fast', device='cpu', backend=backend,
                                           guard_reference=held))
        errors[held] = np.abs(fuse(Bracket.of(frames)).radiance / scene - 1).max()
    assert errors[True] < 2.2 * (STEPS + 0.002) / 0.12 ** (1 / 2.2)
    assert errors[False] > errors[True] + 0.05
