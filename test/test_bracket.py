# SPDX-License-Identifier: Apache-2.0
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.bracket import Bracket, Frame, exposure_mismatch, median_index

PIXELS = np.zeros((2, 3, 3), np.uint8)


def frame(exposure_time=0.01, gain=1.0, pixels=PIXELS, **more):
    return Frame(pixels=pixels, exposure_time=exposure_time, gain=gain, **more)


def test_frame_keeps_a_view_of_the_pixels():
    buffer = np.zeros(18, np.uint8)
    view = frame(pixels=buffer.reshape(2, 3, 3))
    buffer[0] = 7
    assert view.pixels[0, 0, 0] == 7
    assert view.size == (3, 2)


def test_exposure_is_time_times_gain():
    assert frame(exposure_time=0.01, gain=4.0).exposure == pytest.approx(0.04)


def test_exposure_of_an_unplaced_frame_names_the_remedy():
    with pytest.raises(ValueError, match='set exposure_times'):
        _ = Frame(pixels=PIXELS).exposure


@pytest.mark.parametrize('wrong', [0.0, -0.01, math.nan, math.inf])
@pytest.mark.parametrize('name', ['exposure_time', 'gain'])
def test_frame_with_an_impossible_exposure_is_refused(name, wrong):
    with pytest.raises(ValueError, match=f'{name}: expected a positive number'):
        frame(**{name: wrong})


@pytest.mark.parametrize(('pixels', 'message'), [
    (np.zeros((2, 3), np.int16), 'got int16'),
    (np.zeros((2, 3, 4), np.uint8), r'got \(2, 3, 4\)'),
    (np.zeros((6,), np.uint8), r'got \(6,\)'),
    (np.zeros((0, 3), np.uint8), r'got shape \(0, 3\)'),
    (np.array([[0.5, np.nan]], np.float32), 'got NaN or Inf'),
    (np.array([[0.5, np.inf]], np.float32), 'got NaN or Inf'),
    (np.array([[np.inf, np.inf]], np.float32), 'got NaN or Inf'),
    (np.array([[0.5, 255]], np.float32), 'of 0 to 1, got 0.5 to 255; divide them by their white'),
    (np.array([[0, 1.3]], np.float32), 'of 0 to 1, got 0 to 1.3;'),
    (np.array([[-1, 1]], np.float32), 'of 0 to 1, got -1 to 1;'),
    (np.array([[[9, 0, 0]]], np.float32)[..., ::-1], 'of 0 to 1, got 0 to 9;'),
])
def test_frame_with_impossible_pixels_is_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        Frame(pixels=pixels)


def test_what_interpolation_adds_to_float_pixels_is_allowed():
    edge = np.zeros((40, 40), np.float32)
    edge[:20, :20] = 1
    enlarged = cv2.resize(edge, None, fx=2.3, fy=2.3, interpolation=cv2.INTER_LANCZOS4)
    assert enlarged.max() > 1.2
    assert Frame(pixels=enlarged).pixels is enlarged


@pytest.mark.parametrize(('count', 'index'), [(2, 0), (3, 1), (4, 1), (5, 2), (8, 3), (9, 4)])
def test_reference_is_the_median_of_the_paper(count, index):
    # floor((N + 1) / 2), counted from 1 (Sec. 3.2.2).
    assert median_index(count) == index
    frames = [frame(0.001 * 2**k) for k in range(count)]
    assert Bracket.of(reversed(frames)).reference is frames[index]


@given(st.permutations([0.001, 0.004, 0.016, 0.064]), st.integers(1, 4))
def test_bracket_is_sorted_by_exposure_whatever_the_order(times, reference):
    bracket = Bracket.of(map(frame, times), reference)
    assert bracket.exposures == (0.001, 0.004, 0.016, 0.064)
    assert bracket.reference_index == reference - 1
    first, *others = (f.exposure_time for f in bracket.reference_first)
    assert first == bracket.exposures[reference - 1]
    assert others == sorted(others)
    assert len(others) == 3


@pytest.mark.parametrize('newest', [0, 1, 2])
def test_latest_reference_is_the_newest_frame_whatever_its_exposure(newest):
    frames = [frame(0.01 * 2**k, stamp_ns=(k - newest - 1) % 3) for k in range(3)]
    assert Bracket.of(reversed(frames), 'latest').reference is frames[newest]


def test_bracket_is_sorted_by_gain_too():
    bright, dark = frame(0.01, gain=8.0), frame(0.02)
    assert Bracket.of([bright, dark]).frames == (dark, bright)


@pytest.mark.parametrize(('frames', 'reference', 'message'), [
    ([frame()], 0, 'expected 2 to 9 frames, got 1'),
    ([frame(0.01 * k) for k in range(1, 11)], 0, 'expected 2 to 9 frames, got 10'),
    ([frame(0.01), frame(0.02)], 3, 'expected a reference from 1 to 2, got 3'),
    ([frame(0.01), frame(0.02)], -1, 'expected a reference from 1 to 2, got -1'),
    ([frame(0.01), frame(0.02)], 'newest', 'expected a reference from 1 to 2, got newest'),
    ([frame(0.01), frame(0.02)], 'latest', 'set reference to 1 to 2'),
    ([frame(0.01), frame(0.01)], 0, 'got 0.01 s twice'),
    ([frame(0.01, gain=2.0), frame(0.02)], 0, 'got 0.02 s twice'),
    ([frame(0.01), frame(0.02, pixels=np.zeros((3, 3, 3), np.uint8))], 0, 'frames alike'),
    ([frame(0.01), frame(0.02, pixels=np.zeros((2, 3, 3), np.uint16))], 0, 'frames alike'),
    ([frame(0.01), frame(0.02, pixels=np.zeros((2, 3), np.uint8))], 0, 'frames alike'),
])
def test_frames_that_are_no_bracket_are_refused(frames, reference, message):
    with pytest.raises(ValueError, match=message):
        Bracket.of(frames, reference)


def street(exposure, dtype=np.uint8, shift=0):
    """A ramp from dark to clipped with noise, and a lamp; moved by some pixels."""
    noise = np.random.default_rng(round(exposure * 1e6)).normal(0, 0.01, (90, 160, 1))
    scene = np.linspace(0.001, 1.5, 160)[None, :, None] * np.array([1.0, 0.8, 0.6])
    ldr = np.clip((scene * exposure).clip(0, 1) ** (1 / 2.2) + noise, 0, 1)
    ldr[20:30, 40:60] = 1
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return np.roll(ldr * top, shift, axis=1).astype(dtype)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [1, 3])
def test_frames_with_each_others_exposures_are_noticed(dtype, channels):
    times = (0.05, 0.2, 0.8)
    frames = [street(time, dtype, 9 * k) for k, time in enumerate(times)]
    frames = [pixels if channels == 3 else pixels[..., 1] for pixels in frames]
    for turn in range(3):
        said = [*times[turn:], *times[:turn]]
        bracket = Bracket.of(frame(time, pixels=pixels)
                             for time, pixels in zip(said, frames, strict=True))
        assert bool(exposure_mismatch(bracket)) is bool(turn)


def test_a_mismatch_is_told_in_one_line_with_the_remedy():
    bracket = Bracket.of([frame(0.1, pixels=street(0.8)), frame(0.4, pixels=street(0.2))])
    assert exposure_mismatch(bracket).startswith(
        'expected the frame of exposure 0.4 to be brighter than that of 0.1, got one that is ')


@pytest.mark.parametrize('channels', [1, 3])
def test_a_camera_that_does_not_change_its_exposure_is_noticed(channels):
    same, moved = (street(0.2, shift=shift)[..., :channels] for shift in (0, 9))
    frames = (frame(0.1, pixels=same.squeeze()), frame(0.4, pixels=moved.squeeze()))
    assert 'check that the camera changes its exposure' in exposure_mismatch(Bracket.of(frames))


@pytest.mark.parametrize('gamma', [1.0, 2.2, 5.0])
@pytest.mark.parametrize('ratio', [1.25, 2, 8, 64])
def test_a_longer_exposure_is_brighter_whatever_the_response(gamma, ratio):
    light = np.random.default_rng(4).uniform(0.02, 1.2, (60, 80))
    frames = (frame(time, pixels=np.uint8((light * time).clip(0, 1) ** (1 / gamma) * 255))
              for time in (0.4, 0.4 * ratio))
    assert not exposure_mismatch(Bracket.of(frames))


@pytest.mark.parametrize('level', [0, 20, 255])
def test_frames_that_are_dark_or_clipped_all_over_are_no_mismatch(level):
    pixels = np.full((40, 60, 3), level, np.uint8)
    bracket = Bracket.of([frame(0.1, pixels=pixels), frame(0.4, pixels=pixels)])
    assert not exposure_mismatch(bracket)
