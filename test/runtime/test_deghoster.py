# SPDX-License-Identifier: Apache-2.0
import logging
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.pending import Pending
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.settings import DeghosterSettings

EXPOSURES = (0.001, 0.004, 0.016)


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """A folder with an untrained `fast`, whose heads are zero: it merges what does not move."""
    folder = tmp_path_factory.mktemp('models')
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), folder / 'fast.safetensors', {})
    return folder


@pytest.fixture
def deghoster(models, monkeypatch):
    monkeypatch.setenv('DDFNET_MODELS', str(models))
    return Deghoster(DeghosterSettings(model='fast', device='cpu', threads=1))


@pytest.fixture
def reference_only(deghoster):
    """A deghoster whose network just returns P_1, so that all around it can be checked exactly."""
    deghoster._kernels = None
    deghoster._stacked.model = lambda stack, flow, reference_index: stack[:, 0, 3:]
    return deghoster


def bracket_of(truth, exposures=EXPOSURES, dtype=np.uint8, gain=1.0):
    """Ideal LDR frames of a still scene; truth is relative to the shortest exposure."""
    frames = []
    for exposure in exposures:
        encoded = np.clip(truth * exposure / min(exposures), 0, 1) ** (1 / 2.2)
        if dtype != np.float32:
            encoded = np.round(encoded * np.iinfo(dtype).max)
        pixels = encoded.astype(dtype)
        frames.append(Frame(pixels=pixels, exposure_time=exposure / gain, gain=gain))
    return Bracket.of(frames)


def smooth_truth(height, width, channels=3):
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [0.02 + 0.9 * (x * (1 - y)), 0.05 + 0.5 * y, 0.3 * np.ones_like(x)]
    truth = np.stack(planes[:channels], -1)
    return truth if channels == 3 else truth[..., 0]


def test_radiance_is_in_the_unit_of_eq_2(reference_only):
    truth = smooth_truth(48, 64) / 4
    result = reference_only(bracket_of(truth, dtype=np.float32))
    np.testing.assert_allclose(result.radiance * min(EXPOSURES), truth, rtol=1e-4, atol=1e-7)


def test_gain_counts_as_exposure(deghoster):
    truth = smooth_truth(32, 32)
    plain = deghoster(bracket_of(truth))
    amplified = deghoster(bracket_of(truth, gain=4.0))
    np.testing.assert_allclose(amplified.radiance, plain.radiance, rtol=1e-5)


def test_image_is_the_tone_mapped_radiance(deghoster):
    result = deghoster(bracket_of(smooth_truth(32, 40)))
    relative = result.radiance * min(EXPOSURES)
    brightest = relative.max(axis=2, keepdims=True)
    expected = np.log1p(5000 * brightest) / np.log1p(5000) \
        * (relative / brightest) ** (1 / 2.2) * 255
    np.testing.assert_allclose(result.image, expected, atol=0.51)
    assert result.image.dtype == np.uint8


def test_live_settings_change_the_next_result(deghoster):
    bracket = bracket_of(smooth_truth(32, 32))
    before = deghoster(bracket).image
    after = deghoster(bracket, DeghosterSettings(tone_map='reinhard')).image
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(deghoster(bracket).image, before)


@pytest.mark.parametrize('size', [(1, 1), (3, 200), (37, 53), (64, 64)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_any_size_and_depth_keeps_its_size(deghoster, size, dtype):
    result = deghoster(bracket_of(smooth_truth(*size), dtype=dtype))
    assert result.radiance.shape == result.image.shape == (*size, 3)
    assert result.radiance.dtype == np.float32


def test_grey_frames_give_grey_radiance_and_image(reference_only):
    grey = smooth_truth(33, 47, channels=1) / 4
    result = reference_only(bracket_of(grey, dtype=np.float32))
    assert result.radiance.shape == result.image.shape == grey.shape
    np.testing.assert_allclose(result.radiance * min(EXPOSURES), grey, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('count', range(2, 10))
def test_two_to_nine_frames_are_fused(deghoster, count):
    exposures = tuple(0.001 * 2.0**k for k in range(count))
    result = deghoster(bracket_of(smooth_truth(24, 24), exposures))
    assert result.radiance.shape == (24, 24, 3)
    assert len(result.bracket.frames) == count


def test_strided_view_equals_its_copy(deghoster):
    wide = bracket_of(smooth_truth(32, 64))
    views = [Frame(pixels=f.pixels[:, 8:50], exposure_time=f.exposure) for f in wide.frames]
    copies = [Frame(pixels=f.pixels.copy(), exposure_time=f.exposure) for f in views]
    np.testing.assert_array_equal(
        deghoster(Bracket.of(views)).radiance, deghoster(Bracket.of(copies)).radiance
    )


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), ratio=st.floats(1.001, 1e6), level=st.floats(-0.25, 1.25))
def test_radiance_is_finite_for_any_pixels(models, seed, ratio, level):
    path = str(models / 'fast.safetensors')
    fuse = Deghoster(DeghosterSettings(model=path, device='cpu', threads=1))
    rng = np.random.default_rng(seed)
    frames = [
        Frame(pixels=rng.uniform(-0.25, level, (12, 9, 3)).astype(np.float32), exposure_time=t)
        for t in (1e-4, 1e-4 * ratio)
    ]
    radiance = fuse(Bracket.of(frames)).radiance
    assert np.isfinite(radiance).all()
    assert (radiance >= 0).all()


def test_where_the_network_fails_the_reference_shows(deghoster, caplog):
    def broken(stack, flow, reference_index):
        radiance = torch.full_like(stack[:, 0, :3], 0.5)
        radiance[..., :4] = torch.nan
        radiance[..., 4:8] = torch.inf
        return radiance

    deghoster._kernels = None
    deghoster._stacked.model = broken
    truth = smooth_truth(16, 16) / 8
    with caplog.at_level(logging.WARNING):
        radiance = deghoster(bracket_of(truth, dtype=np.float32)).radiance * min(EXPOSURES)
    np.testing.assert_allclose(radiance[:, :8], truth[:, :8], rtol=1e-3)
    np.testing.assert_allclose(radiance[:, 8:], 0.5, rtol=1e-5)
    assert '128 of 256 pixels' in caplog.text


def test_radiance_is_never_negative(deghoster):
    deghoster._kernels = None
    deghoster._stacked.model = lambda stack, flow, reference_index: stack[:, 0, 3:] - 0.1
    radiance = deghoster(bracket_of(smooth_truth(16, 16))).radiance
    assert radiance.min() == 0
    assert radiance.max() > 0


@pytest.mark.parametrize('reference', [1, 2, 3])
def test_the_network_is_told_how_many_frames_are_shorter(deghoster, reference):
    heard = []
    deghoster._kernels = None
    deghoster._stacked.model = lambda stack, flow, index: heard.append(index) or stack[:, 0, 3:]
    deghoster(Bracket.of(bracket_of(smooth_truth(16, 16)).frames, reference))
    assert heard == [reference - 1]


@pytest.mark.parametrize('exposures', [(1e-30, 1.0), (1.0, 1e30)])
def test_exposures_that_no_camera_has_are_refused(deghoster, exposures):
    with pytest.raises(ValueError, match='check exposure_times'):
        deghoster(bracket_of(smooth_truth(8, 8), exposures, np.float32))


def test_stages_are_timed(deghoster):
    result = deghoster(bracket_of(smooth_truth(16, 16)))
    assert list(result.stage_ms) == ['prepare', 'flow', 'network', 'finish']
    assert all(ms > 0 for ms in result.stage_ms.values())


def test_it_says_what_it_runs(deghoster):
    assert (deghoster.model_name, deghoster.device) == ('fast', 'cpu')
    assert deghoster.precision in ('float32', 'bfloat16')


def test_bfloat16_stays_close_to_float32(models):
    path = str(models / 'fast.safetensors')
    bracket = bracket_of(smooth_truth(32, 32))
    exact, rough = (
        Deghoster(DeghosterSettings(model=path, device='cpu', precision=precision, threads=1))
        for precision in ('float32', 'bfloat16')
    )
    assert rough.precision == 'bfloat16'
    np.testing.assert_allclose(rough(bracket).radiance, exact(bracket).radiance, rtol=0.05)


def test_the_motion_can_be_asked_for_shorter_frames_first(reference_only):
    shifts = {0.001: 6, 0.004: 0, 0.016: -6}
    noise = np.random.default_rng(1).random((9, 12)).astype(np.float32)
    texture = cv2.resize(noise, (96, 72), interpolation=cv2.INTER_CUBIC).clip(0.05, 1) / 20
    frames = [
        Frame(pixels=(np.roll(texture, shift, 1) * time / 0.001).clip(0, 1) ** np.float32(1 / 2.2),
              exposure_time=time)
        for time, shift in shifts.items()
    ]
    motion = reference_only(Bracket.of(frames)).motion()
    assert (motion.shape, motion.dtype) == ((2, 72, 96, 2), np.float32)
    inner = np.median(motion[:, 12:-12, 12:-12], axis=(1, 2))
    np.testing.assert_allclose(inner, [[6, 0], [-6, 0]], atol=0.5)


def test_shares_of_the_frames_can_be_asked_for(deghoster):
    truth = smooth_truth(33, 47)
    truth[:, :20], truth[:, 20:] = 0.02, 0.5  # 0.5: the reference, 4 times as long, is clipped
    shares = deghoster(bracket_of(truth)).shares()
    assert (shares.shape, shares.dtype) == ((3, 33, 47), np.float32)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    short, reference, long = shares
    assert reference[:, :20].min() > 0.6
    assert long[:, :20].min() > 0.2  # in the shadows
    assert reference[:, 20:].max() < 0.1
    assert short[:, 20:].min() > 0.9


def test_a_network_without_weights_has_no_shares(tmp_path):
    path = tmp_path / 'peer.safetensors'
    weights.save(AHDRNet(AHDRNetConfig(channels=4, layers=1, growth=2)), path, {})
    fused = Deghoster(DeghosterSettings(model=str(path), device='cpu', threads=1))(
        bracket_of(smooth_truth(16, 16)))
    with pytest.raises(ValueError, match='got AHDRNet; choose another model'):
        fused.shares()


def test_brackets_that_are_submitted_one_after_the_other_are_those_fused_one_by_one(deghoster):
    brackets = [bracket_of(smooth_truth(24, 32) * scale) for scale in (0.2, 0.5, 1.0)]
    expected = [deghoster(bracket) for bracket in brackets]
    pending = [deghoster.submit(Request(bracket, deghoster.settings)) for bracket in brackets]
    for bracket, alone, waiting in zip(brackets, expected, pending, strict=True):
        fused = waiting.result()
        assert fused is waiting.result()
        assert fused.bracket is bracket
        np.testing.assert_array_equal(fused.radiance, alone.radiance)
        np.testing.assert_array_equal(fused.image, alone.image)
        np.testing.assert_array_equal(fused.motion(), alone.motion())
        assert all(ms > 0 for ms in fused.stage_ms.values())


def test_a_result_may_be_asked_for_in_several_threads(deghoster):
    bracket = bracket_of(smooth_truth(24, 32))
    expected = deghoster(bracket).image
    pending = deghoster.submit(Request(bracket, deghoster.settings))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: pending.result(), range(2))
    assert first is second
    np.testing.assert_array_equal(first.image, expected)


def test_a_result_that_failed_can_be_asked_for_again():
    answers = iter([RuntimeError('busy'), None])

    def finish():
        if error := next(answers):
            raise error
        return 'done'

    pending = Pending(finish)
    with pytest.raises(RuntimeError, match='busy'):
        pending.result()
    assert pending.result() == pending.result() == 'done'


def test_shares_take_the_memory_of_their_own_bracket_whatever_came_after(deghoster, monkeypatch):
    given, rows = bracket_of(smooth_truth(328, 32)), []
    shares = deghoster._stacked.model.shares

    def noted(stack, *others):
        rows.append(stack.shape[-2])
        return shares(stack, *others)

    monkeypatch.setattr(deghoster._stacked.model, 'shares', noted)
    pending = deghoster.submit(Request(given, deghoster.settings, bands=8))
    deghoster(given)
    pending.result().shares()
    assert len(rows) > 1
