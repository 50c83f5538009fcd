# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddfnet_ros.bracket import Bracket, Frame, median_index

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
])
def test_frame_with_impossible_pixels_is_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        Frame(pixels=pixels)


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
