# SPDX-License-Identifier: Apache-2.0
"""The kernels' way gives what torch's way gives, for whatever a bracket may be."""

import sys
from itertools import starmap

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.flow import dis
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.openvino_core import OpenVINOCore
from ddfnet_ros.settings import DeghosterSettings

from .conftest import small_fast

pytest.importorskip('numba')
pytest.importorskip('openvino')

import numba

from ddfnet_ros.kernels import blending, describing, grey, mending, showing

KERNELS = [
    (blending, 'blend'), (describing, 'describe'), (describing, 'describe_moved'),
    (describing, 'describe_motion'), (grey, 'luminance'), (grey, 'cell_means'), (mending, 'mend'),
    (showing, 'show')]


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """A small untrained `fast` that moves every weight."""
    path = tmp_path_factory.mktemp('models') / 'fast.safetensors'
    weights.save(small_fast(), path, {})
    return path


def deghoster(model, backend, **options):
    options = {'precision': 'float32', 'threads': 2, 'device': 'cpu'} | options
    return Deghoster(DeghosterSettings(model=str(model), backend=backend, **options))


def bracket(times=(0.001, 0.004, 0.016), size=(64, 48), reference=0, dtype=np.uint8, white=1,
            channels=3):
    """A street of blobs that moves on between frames; white clips the reference too."""
    rng = np.random.default_rng(4)
    height, width = size[1], size[0]
    scene = cv2.resize(rng.random((height // 6, width // 6, 3)).astype(np.float32), size,
                       interpolation=cv2.INTER_CUBIC).clip(0.003, 1) ** 3 * white

    def frame(k, time):
        moved = np.roll(scene, (k, 2 * k), (0, 1))
        ldr = np.clip(moved * time / times[0] / 4, 0, 1) ** (1 / 2.2)
        top = np.iinfo(dtype).max
        pixels = np.round(ldr * top).astype(dtype)
        return Frame(pixels=pixels if channels == 3 else pixels[..., 0], exposure_time=time)

    return Bracket.of(list(starmap(frame, enumerate(times))), reference)


@pytest.mark.parametrize('given', [
    {},
    {'times': (0.001, 0.004)},
    {'times': (0.001, 0.002, 0.004, 0.008, 0.016)},
    {'times': (0.001, 0.002, 0.004, 0.008, 0.016), 'reference': 4},
    {'reference': 1},
    {'reference': 3},
    {'times': tuple(0.001 * 2**k for k in range(9)), 'reference': 5},
    {'size': (61, 43)},
    {'size': (9, 150)},
    {'size': (6, 30)},
    {'size': (97, 203)},
    {'dtype': np.uint16},
    {'channels': 1},
    {'channels': 1, 'white': 8, 'size': (61, 43), 'dtype': np.uint16},
    {'white': 8},
    {'white': 40, 'times': (0.001, 0.002, 0.004, 0.008), 'reference': 4},
], ids=str)
def test_the_result_is_that_of_torch(model, given):
    fused, torchs = deghoster(model, 'openvino'), deghoster(model, 'torch')
    assert fused._kernels
    assert not torchs._kernels
    assert fused._kernels.takes(bracket(**given))
    ours, expected = fused(bracket(**given)), torchs(bracket(**given))
    np.testing.assert_allclose(ours.motion(), expected.motion(), atol=0.05)
    # One flow for both: where one grey level differs, DIS may see another motion in nothing.
    fused._kernels.motion = lambda _given: _padded_motion(fused, torchs, bracket(**given))
    ours = fused(bracket(**given))
    np.testing.assert_allclose(ours.radiance, expected.radiance, rtol=2e-3, atol=1e-3)
    assert np.abs(ours.image.astype(int) - expected.image).max() <= 1
    np.testing.assert_allclose(ours.shares(), expected.shares(), atol=1e-3)


def _padded_motion(fused, torchs, given):
    width, height = given.reference.size
    padded = -(-height // 8) * 8, -(-width // 8) * 8
    stack = torchs._stacked.prepare(given, torchs.settings, padded, torchs._stages[0])
    return torchs._stacked.motion(stack)


def test_bfloat16_costs_little(model):
    ours = deghoster(model, 'openvino', precision='bfloat16')(bracket(size=(160, 120)))
    exact = deghoster(model, 'torch')(bracket(size=(160, 120)))
    error = np.mean((ours.image.astype(float) - exact.image) ** 2)
    assert 10 * np.log10(255**2 / error) > 45


def test_halos_are_mended_alike(model):
    given = bracket(white=8)
    mended, as_is = (deghoster(model, 'openvino', mend_halos=mend)(given).radiance
                     for mend in (True, False))
    assert (mended >= as_is).all()
    assert (mended > as_is * 1.01).any()


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('tone_map', ['mu_colour', 'reinhard', 'drago'])
def test_all_tone_maps_are_torchs(model, tone_map, channels):
    given = bracket(size=(61, 43), channels=channels)
    ours = deghoster(model, 'openvino', tone_map=tone_map)(given)
    expected = deghoster(model, 'torch', tone_map=tone_map)(given)
    assert ours.image.shape == expected.image.shape
    assert np.abs(ours.image.astype(int) - expected.image).max() <= 1


def test_large_frames_whose_motion_is_looked_for_in_larger_cells_are_taken(model, monkeypatch):
    monkeypatch.setattr(dis, '_MAX_PIXELS', 400)
    fused, torchs = deghoster(model, 'openvino'), deghoster(model, 'torch')
    given = bracket(size=(196, 140))
    assert fused._kernels._flow.cell(144, 200) == 16
    assert fused._kernels.takes(given)
    np.testing.assert_allclose(fused(given).motion(), torchs(given).motion(), atol=0.05)


def test_float_frames_go_through_torch(model):
    fuse = deghoster(model, 'openvino')
    pixels = np.zeros((24, 32, 3), np.float32)
    given = Bracket.of([Frame(pixels=pixels, exposure_time=time) for time in (0.001, 0.004)])
    assert not fuse._kernels.takes(given)
    assert fuse.divisible(given)
    assert fuse(given).radiance.shape == pixels.shape


def test_bands_would_need_more_memory_than_kernels(model):
    assert not deghoster(model, 'openvino').divisible(bracket())
    assert deghoster(model, 'torch').divisible(bracket())


@pytest.mark.parametrize('given', [{'size': (61, 43)}, {'channels': 1}], ids=str)
def test_all_is_compiled_before_the_first_bracket_comes(model, given, monkeypatch):
    seen = {}

    def noted(name, kernel):
        def call(*arguments):
            seen.setdefault(name, set()).add(tuple(map(numba.typeof, arguments)))
            return kernel(*arguments)
        return call

    for module, name in KERNELS:
        monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    fuse = deghoster(model, 'openvino')
    compiled = {name: set(kinds) for name, kinds in seen.items()}
    fuse(bracket(**given))
    assert seen == compiled


def test_motion_that_is_no_number_gives_a_picture(model):
    fuse = deghoster(model, 'openvino')
    for broken in (np.nan, np.inf, -np.inf, 1e38):
        fuse._kernels.motion = lambda given, value=broken: torch.full(
            (1, 2, 2, *given.pixels.shape[1:3]), value)
        assert np.isfinite(fuse(bracket(white=8)).radiance).all()


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
def test_where_openvino_fails_torch_goes_on(model, precision, monkeypatch, caplog):
    fuse = deghoster(model, 'openvino', precision=precision)
    tried = []

    def fail(_core, channels):
        tried.append(channels)
        raise RuntimeError('no such operation')

    monkeypatch.setattr(OpenVINOCore, '_graph', fail)
    images = [fuse(bracket(size=(160, 120))).image for _ in range(2)]
    expected = deghoster(model, 'torch')(bracket(size=(160, 120))).image
    for image in images:
        assert np.abs(image.astype(int) - expected).mean() < 1
    assert len(tried) == 1
    assert caplog.text.count('torch does') == 1


def test_a_read_only_view_of_a_message_will_do(model):
    fuse = deghoster(model, 'openvino')
    given = bracket()
    frames = []
    for frame in given.frames:
        bgr = np.frombuffer(frame.pixels[..., ::-1].tobytes(), np.uint8)
        frames.append(Frame(pixels=bgr.reshape(frame.pixels.shape)[..., ::-1],
                            exposure_time=frame.exposure_time))
    np.testing.assert_array_equal(fuse(Bracket.of(frames)).radiance, fuse(given).radiance)


def test_black_and_white_frames_give_numbers(model):
    fuse = deghoster(model, 'openvino')
    for level in (0, 255):
        pixels = np.full((24, 32, 3), level, np.uint8)
        given = Bracket.of([Frame(pixels=pixels, exposure_time=time) for time in (0.001, 0.004)])
        assert np.isfinite(fuse(given).radiance).all()


def test_weights_that_are_no_numbers_give_the_reference(model, caplog):
    fuse = deghoster(model, 'openvino')
    fuse._kernels._core = lambda frames, flow: [
        torch.full((1, 32, *x.shape[-2:]), torch.nan) for x in frames]
    fused = fuse(bracket())
    assert 'no finite radiance' in caplog.text
    reference = fuse._stacked.prepare(bracket(), fuse.settings, (48, 64), fuse._stages[0])
    np.testing.assert_allclose(fused.radiance, reference[0, 0, 3:].permute(1, 2, 0) / 0.001,
                               rtol=1e-5)


def test_without_numba_torch_does_it(model, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'ddfnet_ros.runtime.kernel_pipeline', None)
    fuse = deghoster(model, 'openvino')
    assert fuse.backend == 'openvino'
    assert fuse._kernels is None
    assert 'pip install numba' in caplog.text
    assert np.isfinite(fuse(bracket()).radiance).all()


@pytest.mark.parametrize(
    'other', [{'cell': 8}, {'moved': False}, {'residual': True}, {'refined': True}])
def test_what_kernels_do_not_know_is_done_by_torch(tmp_path, other):
    fast = FastFusion(FastConfig(channels=8, context=8, blocks=1, **other))
    heads = [fast.core.frame_head, *filter(None, [fast.core.residual_head])]
    for head in [*heads, *([fast.refinement.layers] if fast.refinement else [])]:
        torch.nn.init.normal_(head[-1].weight, std=0.3)
    weights.save(fast, tmp_path / 'other.safetensors', {})
    fuse, torches = (deghoster(tmp_path / 'other.safetensors', backend)
                     for backend in ('openvino', 'torch'))
    assert fuse.backend == 'openvino'
    assert fuse._kernels is None
    np.testing.assert_allclose(fuse(bracket()).radiance, torches(bracket()).radiance,
                               rtol=1e-3, atol=1e-2)
