# SPDX-License-Identifier: Apache-2.0
"""Every device and way of computing gives the picture that float32 in torch on the CPU gives.

`make gpu-test` runs it where there is a GPU; elsewhere the CPU stands in wherever it can.
"""

import gc

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.fallback import FallbackDeghoster
from ddfnet_ros.runtime.rendering import reference_alone
from ddfnet_ros.runtime.request import Request
from ddfnet_ros.runtime.tensorrt import engines as tensorrt_engines
from ddfnet_ros.settings import DeghosterSettings
from ddfnet_ros.tonemap import mu_law

EXPOSURES = (0.001, 0.004, 0.016)
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
DEVICES = ['cpu', pytest.param('cuda', marks=NEEDS_GPU)]
RUNS = [('cpu', 'fast'), *(pytest.param('cuda', model, marks=NEEDS_GPU)
                           for model in ('fast', 'base'))]
LEAST_DB = {'float32': 65.0, 'bfloat16': 58.0}  # the reference alone has 20 to 22
LEAST_DB_OF_BASE = 75.0
LEAST_DB_OF_OTHER_KERNELS = 75.0
ENCODINGS = {'8 bits': (np.uint8, 3), '16 bits': (np.uint16, 3), 'float': (np.float32, 3),
             'grey, 8 bits': (np.uint8, 1), 'grey, 16 bits': (np.uint16, 1)}


def bracket_of(dtype=np.uint8, channels=3, size=(180, 320), seed=3):
    """A textured scene with a bright square that moves, with noise."""
    random = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(random.random((*size, 3)), (0, 0), 4)
    scene = (scene - scene.min()) / np.ptp(scene)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    rows, columns = size[0] // 4, size[1] // 6
    frames = []
    for k, exposure in enumerate(EXPOSURES):
        moved, x = scene.copy(), size[1] // 4 + 4 * k
        moved[rows:2 * rows, x:x + columns] = scene[:rows, :columns] / 4 + 0.7
        ldr = (moved * exposure / EXPOSURES[0]).clip(0, 1) ** (1 / 2.2)
        noisy = (ldr + random.normal(0, 0.004, ldr.shape)).clip(0, 1) * top
        pixels = (noisy if top == 1 else np.round(noisy)).astype(dtype)
        frames.append(Frame(pixels=pixels if channels == 3 else pixels[..., 1].copy(),
                            exposure_time=exposure))
    return Bracket.of(frames)


@pytest.fixture(scope='module')
def bracket():
    return bracket_of()


def fused(bracket, model='fast', **settings):
    return Deghoster(DeghosterSettings(model=model, **settings))(bracket)


def decibels(expected, found):
    """PSNR after the mu-law."""
    pictures = (mu_law(torch.from_numpy(x.radiance * EXPOSURES[0]).clamp(0, 1))
                for x in (expected, found))
    difference = float(torch.sub(*pictures).square().mean())
    return -10 * np.log10(max(difference, 1e-12))


@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.parametrize('device', DEVICES)
def test_devices_and_precisions_agree(bracket, device, precision):
    expected = fused(bracket, device='cpu', precision='float32', backend='torch')
    found = fused(bracket, device=device, precision=precision)
    assert decibels(expected, found) >= LEAST_DB[precision]
    assert found.image.dtype == np.uint8


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('device', DEVICES)
def test_devices_agree_on_every_encoding_and_on_sizes_that_must_be_padded(device, encoding):
    given = bracket_of(*ENCODINGS[encoding], size=(173, 251))
    expected = fused(given, device='cpu', precision='float32', backend='torch')
    found = fused(given, device=device, precision='float32')
    assert found.radiance.shape == found.image.shape == given.reference.pixels.shape
    assert decibels(expected, found) >= LEAST_DB['float32']
    assert abs(expected.image.astype(int) - found.image).mean() < 0.1
    np.testing.assert_allclose(np.median(found.motion(), axis=(1, 2)),
                               np.median(expected.motion(), axis=(1, 2)), atol=0.05)
    np.testing.assert_allclose(found.shares().sum(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize('device', DEVICES)
def test_base_in_half_precision_is_close_to_itself_in_float32(device):
    given = bracket_of(size=(72, 96))
    exact, half = (fused(given, 'base', device=device, precision=precision)
                   for precision in ('float32', 'bfloat16'))
    assert decibels(exact, half) >= LEAST_DB_OF_BASE


def test_the_scene_tells_a_network_from_none(bracket):
    """What is compared here is more than the reference, to which the guard leads back."""
    expected = fused(bracket, device='cpu', precision='float32', backend='torch')
    assert decibels(expected, reference_alone(bracket, DeghosterSettings())) < 30


@pytest.mark.parametrize('device', DEVICES)
def test_base_on_every_device_is_that_of_the_cpu(device):
    given = bracket_of(size=(72, 96))
    exact, found = (fused(given, 'base', device=where, precision='float32')
                    for where in ('cpu', device))
    assert decibels(exact, found) >= LEAST_DB['float32']


@pytest.mark.parametrize('device', DEVICES)
def test_the_same_bracket_gives_the_same_bits(bracket, device):
    deghoster = Deghoster(DeghosterSettings(model='fast', device=device))
    found = [deghoster(bracket).radiance for _ in range(4)]
    if device == 'cuda':
        del found[0]  # of kernels one by one, and so perhaps of others
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize(('device', 'model'), RUNS)
def test_replayed_work_is_what_kernels_one_by_one_give(device, model):
    deghoster = Deghoster(DeghosterSettings(model=model, device=device))
    given = [bracket_of(size=(72, 96), seed=seed) for seed in range(3)]
    for _ in range(2):
        deghoster(given[0])
    replayed = [deghoster(bracket) for bracket in given]
    one_by_one = Deghoster(deghoster.settings, cuda_graphs=False)
    for bracket, found in zip(given, replayed, strict=True):
        assert decibels(one_by_one(bracket), found) >= LEAST_DB_OF_OTHER_KERNELS
    if device == 'cuda':
        assert deghoster._stacked.graphs._can_capture, 'a graph could not be captured'
        assert any(deghoster._stacked.graphs._kept.values())


@pytest.mark.parametrize(('device', 'model'), RUNS)
def test_brackets_that_overlap_are_those_fused_one_by_one(device, model):
    deghoster = Deghoster(DeghosterSettings(model=model, device=device))
    sizes = [(72, 96), (72, 96), (80, 128), (72, 96), (72, 96), (80, 128), (80, 128), (72, 96)]
    given = [bracket_of(size=size, seed=seed) for seed, size in enumerate(sizes)]
    overlapping = [pending.result() for pending in [
        deghoster.submit(Request(each, deghoster.settings)) for each in given]]
    for bracket, found in zip(given, overlapping, strict=True):
        alone = deghoster(bracket)
        assert decibels(alone, found) >= LEAST_DB_OF_OTHER_KERNELS
        assert abs(alone.image.astype(int) - found.image).mean() < 0.1
        np.testing.assert_allclose(found.motion(), alone.motion(), atol=1e-3)


@pytest.mark.parametrize(('device', 'model'), RUNS)
def test_brackets_that_are_fused_together_are_those_fused_one_by_one(device, model):
    deghoster = Deghoster(DeghosterSettings(model=model, device=device))
    given = [bracket_of(size=size, seed=seed)
             for seed, size in enumerate([(72, 96), (80, 128), (72, 96), (72, 96)])]
    alone = [deghoster(bracket) for bracket in given]
    for _ in range(4):  # kernels one by one, then as a graph
        pending = deghoster.submit_batch(
            [Request(each, deghoster.settings) for each in given])
        for expected, found in zip(alone, [one.result() for one in pending], strict=True):
            assert decibels(expected, found) >= LEAST_DB_OF_OTHER_KERNELS
            assert abs(expected.image.astype(int) - found.image).mean() < 0.1
            np.testing.assert_allclose(found.motion(), expected.motion(), atol=1e-3)
            if device == 'cuda':
                assert found.together == (3 if found.image.shape[0] == 72 else 1)
    if device == 'cuda':
        assert deghoster._stacked.graphs._can_capture, 'a graph could not be captured'


@NEEDS_GPU
@pytest.mark.timeout(1800)
@pytest.mark.parametrize('precision', ['float32', 'bfloat16'])
@pytest.mark.parametrize('model', ['fast', 'base'])
def test_tensorrt_gives_the_picture_of_torch(model, precision, tmp_path, monkeypatch):
    pytest.importorskip('tensorrt', reason='needs tensorrt', exc_type=ImportError)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    given = [bracket_of(size=size) for size in ((72, 96), (80, 128), (180, 320))]
    settings = {'device': 'cuda', 'precision': precision, 'backend': 'tensorrt'}
    least = LEAST_DB[precision]
    expected = [fused(bracket, model, device='cpu', precision='float32') for bracket in given]
    deghoster = Deghoster(DeghosterSettings(model=model, **settings))
    assert deghoster.backend == 'tensorrt'
    for _ in range(4):  # one by one, captured, replayed
        for bracket, picture in zip(given, expected, strict=True):
            assert decibels(picture, deghoster(bracket)) >= least
    assert deghoster._stacked.graphs._can_capture, 'a graph could not be captured'
    assert any(deghoster._stacked.graphs._kept.values())
    assert len(list(tmp_path.rglob('*.engine'))) == 1
    monkeypatch.setattr(tensorrt_engines, 'build_engine', None)  # nothing can be built any more
    assert decibels(expected[0], fused(given[0], model, **settings)) >= least
    in_bands = deghoster.submit(Request(given[2], deghoster.settings, bands=2)).result()
    assert decibels(expected[2], in_bands) >= least


@NEEDS_GPU
@pytest.mark.parametrize('model', ['fast', 'base'])
def test_memory_of_a_gpu_does_not_grow(bracket, model):
    deghoster = Deghoster(DeghosterSettings(model=model, device='cuda'))
    pending, allocated = [], []
    for count in range(220):
        pending.append(deghoster.submit(Request(bracket, deghoster.settings)))
        if len(pending) == 3:
            pending.pop(0).result()
        if count in {19, 219}:
            while pending:
                pending.pop().result()
            gc.collect()
            torch.cuda.synchronize()
            allocated.append(torch.cuda.memory_allocated())
    assert allocated[1] <= allocated[0]


@NEEDS_GPU
def test_where_a_gpu_has_too_little_memory_bands_give_the_picture():
    given = bracket_of(size=(1080, 640))
    settings = DeghosterSettings(model='base', device='cuda', precision='float32')
    expected = fused(given, 'base', device='cuda', precision='float32')
    made = FallbackDeghoster(settings)
    gc.collect()
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    least = torch.cuda.memory_reserved() + 5 * 2**28  # the whole takes twice as much
    try:
        torch.cuda.set_per_process_memory_fraction(least / whole)
        found = [made(given) for _ in range(3)]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert [one.way for one in found] == 3 * ['bands']
    assert decibels(expected, found[-1]) >= LEAST_DB['float32']
