# SPDX-License-Identifier: Apache-2.0
"""What the shipped model gives is a number, in range, and the same every time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings, RadianceSettings
from ddfnet_ros.tonemap import tone_map

EXPOSURES = (0.001, 0.004, 0.016)
OPERATORS = ('mu', 'reinhard', 'drago', 'key')


@pytest.fixture(scope='module')
def fuse():
    return Deghoster(DeghosterSettings(model='fast', device='cpu', threads=1))


def still(size=(72, 104), noise=0.0):
    """A still scene, relative to the shortest exposure's white, and its bracket at 8 bits."""
    y, x = np.mgrid[0:size[0], 0:size[1]] / max(size)
    texture = 0.5 + 0.5 * np.sin(40 * x) * np.cos(30 * y)
    truth = np.stack([0.01 + 0.8 * x * texture, 0.02 + 0.4 * y, 0.1 + 0.2 * texture], -1)
    rng = np.random.default_rng(3)
    frames = []
    for time in EXPOSURES:
        encoded = np.clip(truth * time / EXPOSURES[0], 0, 1) ** (1 / 2.2) * 255
        pixels = np.clip(np.round(encoded + noise * rng.normal(size=encoded.shape)), 0, 255)
        frames.append(Frame(pixels=pixels.astype(np.uint8), exposure_time=time))
    return truth.astype(np.float32), Bracket.of(frames)


def test_a_still_scene_comes_out_as_it_went_in(fuse):
    truth, bracket = still()
    radiance = fuse(bracket).radiance * EXPOSURES[0]
    inner = np.s_[8:-8, 8:-8]
    off = np.abs(np.log(radiance[inner] + 1e-3) - np.log(truth[inner] + 1e-3))
    assert np.median(off) < 0.02
    assert np.quantile(off, 0.99) < 0.15


def test_the_same_bracket_gives_the_same_bits_also_after_another_size(fuse):
    first = fuse(still(noise=2.0)[1])
    fuse(still((40, 56), noise=5.0)[1])
    again = fuse(still(noise=2.0)[1])
    np.testing.assert_array_equal(first.radiance.view(np.uint32), again.radiance.view(np.uint32))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.motion(), again.motion())


PIXELS = {
    'black': lambda rng, size: np.zeros(size), 'white': lambda rng, size: np.ones(size),
    'noise': lambda rng, size: rng.random(size),
    'overshooting': lambda rng, size: rng.uniform(-0.25, 1.25, size),
    'one spark': lambda rng, size: (rng.random(size) > 0.999) * 1.0,
}


@settings(max_examples=25)
@given(kinds=st.lists(st.sampled_from(sorted(PIXELS)), min_size=2, max_size=4),
       dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
       channels=st.sampled_from([1, 3]), height=st.integers(1, 40), width=st.integers(1, 40),
       first=st.sampled_from([1e-7, 1e-3, 1.0]), ratio=st.sampled_from([1.01, 4.0, 1e3]),
       operator=st.sampled_from(OPERATORS))
def test_whatever_enters_finite_numbers_in_range_come_out(
        fuse, kinds, dtype, channels, height, width, first, ratio, operator):
    rng = np.random.default_rng(7)
    size = (height, width) if channels == 1 else (height, width, 3)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    frames = []
    for place, kind in enumerate(kinds):
        pixels = PIXELS[kind](rng, size)
        if dtype != np.float32:
            pixels = np.clip(pixels, 0, 1) * top
        frames.append(Frame(pixels=pixels.astype(dtype), exposure_time=first * ratio ** place))
    settings = DeghosterSettings(model='fast', device='cpu', threads=1, tone_map=operator)
    result = fuse(Bracket.of(frames), settings)
    assert np.isfinite(result.radiance).all()
    assert (result.radiance >= 0).all()
    brightest = 1 / first  # where the shortest exposure clips
    assert result.radiance.max() <= 2 * brightest
    assert np.isfinite(result.motion()).all()
    share = result.shares()
    assert (share >= 0).all()
    assert (share <= 1.001).all()


@pytest.mark.parametrize('operator', OPERATORS)
@settings(max_examples=60)
@given(st.lists(st.floats(0, 2.0**100, width=32), min_size=3, max_size=12))
def test_a_picture_of_any_radiance_is_in_range(operator, values):
    radiance = torch.tensor(values[:len(values) // 3 * 3]).reshape(3, 1, -1)
    picture = tone_map(radiance, RadianceSettings(tone_map=operator))
    assert bool(torch.isfinite(picture).all())
    assert bool(((picture >= 0) & (picture <= 1)).all())


@pytest.mark.parametrize(('value', 'said'), [
    (np.nan, 'finite'), (np.inf, 'finite'), (-np.inf, 'finite'),
    (1e30, 'float'), (-1e30, 'float')])
def test_frames_with_what_is_no_number_or_far_outside_never_get_in(value, said):
    pixels = np.zeros((4, 4, 3), np.float32)
    pixels[1, 2, 0] = value
    with pytest.raises(ValueError, match=f'expected {said} pixels'):
        Frame(pixels=pixels, exposure_time=0.001)
