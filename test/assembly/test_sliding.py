# SPDX-License-Identifier: Apache-2.0
"""The promise where windows slide: N shots in a row, never a gap, and stamps that rise.

Every frame hides in its pixels which shot it is (benchmark/camera.py).
"""

import dataclasses
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.camera import Channel, assemble, judge_windows, modes, shots_of
from ddfnet_ros.assembly import REASONS, BracketAssembler

from .conftest import EVEN, MANY_TIMES, ROADS, SHARES, camera_for, travel

SOURCES = sorted(modes(EVEN))
TABLE = {
    '1 % lost': Channel(lost=0.01),
    'all of it': Channel(lost=0.01, reordered=0.1, delayed=0.01, doubled=0.05, joined=1, rounds=3),
}


def slide(source, camera, arrived, reference='latest'):
    """An assembler after all frames, and the windows that came out of it."""
    mode = modes(camera, 'sliding')[source]
    assembler = BracketAssembler(mode.settings, camera.size if mode.topics else 1, reference)
    return assembler, [bracket for shot in arrived
                       for bracket in assembler.add(mode.frame(shot, camera))]


def gaps(source, camera, arrived):
    return assemble(modes(camera, 'sliding')[source], camera, arrived).mixed


@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.parametrize('channel', TABLE)
def test_complete_windows_come_out_and_none_has_a_gap(source, channel):
    camera = camera_for(source)
    arrived = travel(camera, TABLE[channel], 300 // TABLE[channel].rounds)
    verdict = assemble(modes(camera, 'sliding')[source], camera, arrived)
    assert verdict.mixed == 0
    assert verdict.complete > 600
    assert verdict.share >= 0.97


@pytest.mark.parametrize('source', SOURCES)
@settings(max_examples=15)
@given(channel=ROADS, seed=st.integers(0, 2**32), size=st.sampled_from((2, 3, 4, 9)),
       jitter=st.sampled_from((0.0, 0.1, 0.3)), falling=st.booleans(),
       reference=st.sampled_from(('latest', 0, 1, 2)))
def test_no_window_has_a_gap_and_stamps_rise(
        source, channel, seed, size, jitter, falling, reference):
    times = MANY_TIMES[:size][::-1] if falling else MANY_TIMES[:size]
    camera = camera_for(source, exposures=times, jitter=jitter)
    arrived = travel(camera, channel, 25, seed)
    _, brackets = slide(source, camera, arrived, reference)
    assert judge_windows(map(shots_of, brackets), arrived, size).mixed == 0
    when = [(max(shots_of(bracket))[0], bracket.reference.stamp_ns) for bracket in brackets]
    # Two very late frames in a row look like a bag that begins again.
    assert channel.delayed or all(after > before for before, after in pairwise(when))


@pytest.mark.parametrize('source', ['metadata and counter', 'metadata and period', 'counter',
                                    'topic and period', 'phase'])
@settings(max_examples=25)
@given(chosen=st.data(), size=st.integers(2, 4), jitter=st.sampled_from((0.0, 0.3)))
def test_any_frames_in_any_order_make_no_window_with_a_gap(source, chosen, size, jitter):
    camera = camera_for(source, exposures=MANY_TIMES[:size], jitter=jitter)
    shots = camera.shoot(6, random.Random(size))
    arrived = chosen.draw(st.lists(st.sampled_from(shots), max_size=60))
    assert gaps(source, camera, arrived) == 0


@pytest.mark.parametrize('source', [s for s in SOURCES if s not in ('counter', 'phase', 'gap')])
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), lost=SHARES, restarts=st.lists(
    st.tuples(st.integers(4, 20), st.integers(0, 2), st.floats(0.6, 100.0)),
    min_size=1, max_size=4))
def test_restart_leaves_no_window_across_it(source, seed, lost, restarts):
    rng = random.Random(seed)
    camera = camera_for(source, jitter=0.1)
    shots = camera.shoot(15, rng, counter=3_000_000)
    for brackets, place, pause in restarts:
        now_ns = shots[-1].stamp_ns + round(pause * 1e9)
        shots += camera.shoot(brackets, rng, first=shots[-1].bracket + 2, place=place,
                              start_ns=now_ns)
    assert gaps(source, camera, Channel(lost=lost).travel(shots, camera.size, rng)) == 0


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('source', [source for source in SOURCES if 'counter' in source])
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32), lost=SHARES, delayed=SHARES, before=st.integers(10, 40))
def test_windows_slide_over_a_counter_that_wraps_around(source, bits, seed, lost, delayed, before):
    camera = camera_for(source, bits=bits)
    start = 2**bits - 3 * before
    rng = random.Random(seed)
    shots = camera.shoot(60, rng, counter=start - start % 3)
    arrived = Channel(lost=lost, delayed=delayed).travel(shots, 3, rng)
    verdict = assemble(modes(camera, 'sliding')[source], camera, arrived)
    assert verdict.mixed == 0
    assert lost or verdict.emitted >= verdict.complete - 6


@pytest.mark.parametrize('source', ['metadata and counter', 'metadata', 'topic', 'gap'])
@pytest.mark.parametrize('drift', [0.0003, -0.0003])
def test_cycle_that_drifts_is_followed(source, drift):
    offsets = (0.0, 0.2, 0.4) if source == 'gap' else (0.0, 0.2, 0.6)
    camera = camera_for(source, offsets=offsets, drift=drift, jitter=0.1)
    verdict = assemble(modes(camera, 'sliding')[source], camera,
                       travel(camera, Channel(lost=0.01), 200))
    assert verdict.mixed == 0
    assert verdict.share >= 0.96


@pytest.mark.parametrize('source', SOURCES)
def test_clock_that_jumps_ahead_leaves_no_window_across_it(source):
    camera = camera_for(source)
    ahead_ns = 100 * round(camera.period * 1e9)
    jumped = [shot if k < 91 else dataclasses.replace(
        shot, bracket=shot.bracket + 100, stamp_ns=shot.stamp_ns + ahead_ns)
        for k, shot in enumerate(camera.shoot(60, random.Random(0)))]
    verdict = assemble(modes(camera, 'sliding')[source], camera, jumped)
    assert verdict.mixed == 0
    assert verdict.emitted >= verdict.complete - 24


@pytest.mark.parametrize('source', SOURCES)
@settings(max_examples=5)
@given(channel=ROADS, seed=st.integers(0, 2**32))
def test_every_frame_leaves_in_brackets_or_is_counted_or_held(source, channel, seed):
    camera = camera_for(source)
    mode = modes(camera, 'sliding')[source]
    assembler = BracketAssembler(mode.settings, camera.size if mode.topics else 1, 'latest')
    given_out = {}
    for added, shot in enumerate(travel(camera, channel, 20, seed), start=1):
        for bracket in assembler.add(mode.frame(shot, camera)):
            given_out |= {id(frame.pixels): frame.pixels for frame in bracket.frames}
        assert assembler.held <= 5 * camera.size + 1
        assert added == len(given_out) + assembler.dropped.total() + assembler.held
    assert set(assembler.dropped) <= set(REASONS)


@pytest.mark.parametrize('source', SOURCES)
def test_fixed_reference_gives_one_bracket_per_turn_though_more_frames_are_lost(source):
    camera = camera_for(source)
    arrived = travel(camera, Channel(lost=0.05), 150)
    _, brackets = slide(source, camera, arrived, 0)
    references = [shot for shot in arrived if shot.place == 1]
    stamps = [bracket.reference.stamp_ns for bracket in brackets]
    assert set(stamps) <= {shot.stamp_ns for shot in references}
    verdict = assemble(modes(camera)[source], camera, arrived)
    # A turn needs all its frames; for its reference any of three windows will do.
    assert verdict.emitted + 5 < len(brackets) <= len(references)


def test_judge_sees_windows_with_gaps_and_missing_ones():
    shots = EVEN.shoot(2, random.Random(0))[:5]
    row, gap, twice = [(0, 0), (0, 1), (0, 2)], [(0, 1), (0, 2), (0, 4)], [(0, 1), (0, 2), (0, 2)]
    rounds = [(0, 2), (0, 3), (1, 4)]
    verdict = judge_windows([row, gap, twice, rounds], shots, 3)
    assert (verdict.sets, verdict.mixed, verdict.complete, verdict.emitted) == (4, 3, 3, 1)
    _, windows = slide('counter', EVEN, shots)
    assert [sorted(shots_of(window)) for window in windows] == [
        [(0, k), (0, k + 1), (0, k + 2)] for k in range(3)]
