# SPDX-License-Identifier: Apache-2.0
"""The promise: no bracket has frames of two turns, whatever happens to frames on their way.

Every frame hides in its pixels which bracket it is of (benchmark/camera.py).
"""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.camera import START_NS, Channel, assemble, judge, modes, names_of
from ddfnet_ros.assembly import REASONS, BracketAssembler

from .conftest import EVEN, MANY_TIMES, ROADS, SHARES, camera_for, travel

TABLE = {
    'no drops': Channel(),
    '1 % lost': Channel(lost=0.01),
    '5 % lost': Channel(lost=0.05),
    'joins after 1 frame': Channel(joined=1),
    'joins after 2 frames': Channel(joined=2),
    'reordered': Channel(reordered=0.2),
    'very late': Channel(delayed=0.01),
    'doubled': Channel(doubled=0.1),
    'bag played 5 times': Channel(rounds=5),
}
SOURCES = sorted(modes(EVEN))
# Where these place frames, every single one says by itself where it belongs.
ABSOLUTE = ('metadata and counter', 'metadata and period', 'counter', 'topic and period', 'phase',
            'gap')


@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.parametrize('channel', TABLE)
def test_complete_brackets_come_out_and_none_is_mixed(source, channel):
    camera = camera_for(source)
    arrived = travel(camera, TABLE[channel], 160 // TABLE[channel].rounds)
    verdict = assemble(modes(camera)[source], camera, arrived)
    assert verdict.mixed == 0
    assert verdict.complete > 100
    assert verdict.share >= 0.97


@pytest.mark.parametrize('source', SOURCES)
@settings(max_examples=40)
@given(channel=ROADS, seed=st.integers(0, 2**32), size=st.sampled_from((2, 3, 4, 9)),
       jitter=st.sampled_from((0.0, 0.1, 0.3)), falling=st.booleans())
def test_no_bracket_is_ever_mixed(source, channel, seed, size, jitter, falling):
    times = MANY_TIMES[:size][::-1] if falling else MANY_TIMES[:size]
    camera = camera_for(source, exposures=times, jitter=jitter)
    if 'not configured' in source and size == 2 and falling:
        return  # a cycle of two neither rises nor falls: it is taken to rise
    arrived = travel(camera, channel, 25, seed)
    assert assemble(modes(camera)[source], camera, arrived).mixed == 0


@pytest.mark.parametrize('source', ABSOLUTE)
@settings(max_examples=50)
@given(chosen=st.data(), size=st.integers(2, 4), jitter=st.sampled_from((0.0, 0.3)))
def test_no_bracket_is_mixed_from_any_frames_in_any_order(source, chosen, size, jitter):
    camera = camera_for(source, exposures=MANY_TIMES[:size], jitter=jitter)
    shots = camera.shoot(6, random.Random(size))
    arrived = chosen.draw(st.lists(st.sampled_from(shots), max_size=60))
    assert assemble(modes(camera)[source], camera, arrived).mixed == 0


@pytest.mark.parametrize('source', ['metadata', 'metadata and counter', 'metadata and period',
                                    'metadata, times not configured', 'topic and counter', 'topic',
                                    'metadata and counter, times not configured'])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), lost=SHARES, restarts=st.lists(
    st.tuples(st.integers(4, 20), st.integers(0, 2), st.floats(0.6, 100.0)),
    min_size=1, max_size=4))
def test_restart_within_a_turn_mixes_nothing(source, seed, lost, restarts):
    rng = random.Random(seed)
    camera = camera_for(source, jitter=0.1)
    shots, now_ns = camera.shoot(15, rng, counter=3_000_000), START_NS
    for brackets, place, pause in restarts:
        now_ns = shots[-1].stamp_ns + round(pause * 1e9)
        shots += camera.shoot(brackets, rng, first=shots[-1].bracket + 1, place=place,
                              start_ns=now_ns)
    arrived = Channel(lost=lost).travel(shots, camera.size, rng)
    assert assemble(modes(camera)[source], camera, arrived).mixed == 0


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('source', [source for source in SOURCES if 'counter' in source])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), lost=SHARES, delayed=SHARES, before=st.integers(10, 40))
def test_counter_that_wraps_around_mixes_nothing(source, bits, seed, lost, delayed, before):
    camera = camera_for(source, bits=bits)
    start = 2**bits - 3 * before
    rng = random.Random(seed)
    shots = camera.shoot(60, rng, counter=start - start % 3)
    arrived = Channel(lost=lost, delayed=delayed).travel(shots, 3, rng)
    verdict = assemble(modes(camera)[source], camera, arrived)
    assert verdict.mixed == 0
    assert lost or verdict.emitted >= verdict.complete - 2


@pytest.mark.parametrize('source', [source for source in SOURCES if 'counter' in source])
@pytest.mark.parametrize('lost', [70, 187, 190, 256, 259, 580])
def test_silence_in_which_a_narrow_counter_wraps_around_mixes_nothing(source, lost):
    camera = camera_for(source, bits=8, jitter=0.1)
    shots = camera.shoot(360, random.Random(1), counter=0)
    arrived = shots[:330] + shots[330 + lost:]
    verdict = assemble(modes(camera)[source], camera, arrived)
    assert verdict.mixed == 0
    assert verdict.share >= 0.97


@pytest.mark.parametrize('source', [s for s in SOURCES if s not in ('phase', 'gap')])
@pytest.mark.parametrize('offsets', [(0.0, 0.2, 0.6), (0.0, 0.45, 0.7), (0.0, 0.05, 0.1)])
@pytest.mark.parametrize('drift', [0.0003, -0.0003])
def test_uneven_cycle_that_drifts_is_followed(source, offsets, drift):
    camera = camera_for(source, offsets=offsets, drift=drift, jitter=0.1)
    verdict = assemble(modes(camera)[source], camera, travel(camera, Channel(lost=0.02), 200))
    assert verdict.mixed == 0
    assert verdict.share >= 0.97


@pytest.mark.parametrize('drift', [1e-5, 1e-4, 1e-3, 1e-2, 0.05, -1e-3, -0.05])
def test_camera_that_drifts_off_the_grid_is_not_believed(drift):
    camera = camera_for('phase', drift=drift / 100, period=0.033 * (1 + drift))
    grid = modes(EVEN)['phase']
    verdict = assemble(grid, camera, travel(camera, Channel(), 2000))
    assert verdict.mixed == 0
    assert verdict.sets < 1000 or drift == 1e-5


@pytest.mark.parametrize('source', SOURCES)
def test_simulated_clock_that_jumps_ahead_mixes_nothing(source):
    camera = camera_for(source)
    period_ns = round(camera.period * 1e9)
    shots = camera.shoot(60, random.Random(0))
    for place in range(3):
        jumped = [shot if k < 90 + place else
                  dataclasses.replace(shot, stamp_ns=shot.stamp_ns + 100 * period_ns)
                  for k, shot in enumerate(shots)]
        verdict = assemble(modes(camera)[source], camera, jumped)
        assert verdict.mixed == 0
        assert verdict.emitted >= 60 - 8


@pytest.mark.parametrize('source', SOURCES)
@settings(max_examples=10)
@given(channel=ROADS, seed=st.integers(0, 2**32))
def test_every_frame_leaves_once_or_is_counted_or_held(source, channel, seed):
    camera = camera_for(source)
    mode = modes(camera)[source]
    assembler = BracketAssembler(mode.settings, camera.size if mode.topics else 1)
    given_out = []
    for added, shot in enumerate(travel(camera, channel, 20, seed), start=1):
        given_out += assembler.add(mode.frame(shot, camera))
        assert assembler.held <= 5 * camera.size + 1
        assert added == 3 * len(given_out) + assembler.dropped.total() + assembler.held
    assert set(assembler.dropped) <= set(REASONS)
    frames = [id(frame.pixels) for bracket in given_out for frame in bracket.frames]
    assert len(frames) == len(set(frames))


def test_judge_sees_mixed_and_missing_brackets():
    # The judge itself: sets {0}, {1, 2}, and brackets 0, 1, 2 complete, 3 not.
    shots = EVEN.shoot(4, random.Random(0))[:11]
    verdict = judge([frozenset({0}), frozenset({1, 2})], shots, 3)
    assert (verdict.sets, verdict.mixed, verdict.complete, verdict.emitted) == (2, 1, 3, 1)
    mode = modes(EVEN)['counter']
    assembler = BracketAssembler(mode.settings)
    brackets = [bracket for shot in shots for bracket in assembler.add(mode.frame(shot, EVEN))]
    assert [names_of(bracket) for bracket in brackets] == [{0}, {1}, {2}]
