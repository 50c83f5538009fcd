# SPDX-License-Identifier: Apache-2.0
"""The recording in the repository is what the demo promises."""

from pathlib import Path

import numpy as np
import pytest

import ddfnet_ros.demo
from ddfnet_ros.bags import BagReader
from ddfnet_ros.demo.recording import Recording
from ddfnet_ros.images import read_exr
from ddfnet_ros.synthesis.street.messages import IMAGE_TOPIC, INFO_TOPIC, META_TOPIC

STREET = Path(ddfnet_ros.demo.__file__).parent / 'street'
MEGABYTE = 1_000_000


@pytest.fixture(scope='module')
def frames():
    with BagReader(STREET / 'street.mcap') as bag:
        assert set(bag.topics) == {IMAGE_TOPIC, META_TOPIC, INFO_TOPIC}
    brackets = Recording.read(STREET / 'street.mcap').brackets
    return [frame for bracket in brackets for frame in bracket.frames]


@pytest.fixture(scope='module')
def truths():
    return {int(path.stem): path for path in (STREET / 'truth').glob('*.exr')}


def test_it_is_small():
    assert (STREET / 'street.mcap').stat().st_size <= 6 * MEGABYTE
    assert sum(p.stat().st_size for p in (STREET / 'truth').iterdir()) <= 4 * MEGABYTE


def test_it_holds_twelve_brackets_of_three_interleaved_exposures(frames):
    times = [frame.exposure_time for frame in frames]
    assert len(frames) % 3 == 0
    assert len(frames) >= 36
    assert times == times[:3] * (len(frames) // 3)
    assert len(set(times[:3])) == 3
    assert {frame.pixels.shape for frame in frames} == {(360, 640, 3)}


def test_each_reference_frame_has_its_truth_and_mask(frames, truths):
    references = {frame.stamp_ns for frame in frames[1::3]}
    assert set(truths) == references
    for stamp in references:
        assert (STREET / 'truth' / f'{stamp}_moving.png').is_file()


def test_truth_fits_the_reference_where_that_holds_it(frames, truths):
    for frame in (frames[1], frames[-2]):
        truth = read_exr(truths[frame.stamp_ns])
        relative = frame.exposure_time / min(f.exposure_time for f in frames)
        held = truth.max(-1) * relative < 0.9
        seen = (frame.pixels / 255.0) ** 2.2 / relative
        assert np.abs(seen - truth)[held].mean() < 0.005
        assert truth.min() >= 0
        assert truth.max() <= 1.001


def test_lights_clip_in_the_reference_and_hardly_in_the_short_frame(frames):
    short, middle, long_ = ((f.pixels.max(-1) >= 254).mean() for f in frames[:3])
    assert short < 0.01
    assert 0.03 < middle < 0.4
    assert long_ > middle


def test_the_panorama_is_named_with_its_licence():
    readme = (STREET / 'README.md').read_text()
    assert 'Wide Street 02' in readme
    assert 'CC0' in readme
