# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera with three exposures, and what an assembler makes of them."""

import dataclasses
import random

import numpy as np
from hypothesis import strategies as st

from benchmark.camera import Camera, Channel
from ddfnet_ros.assembly import BracketAssembler
from ddfnet_ros.bracket import Frame
from ddfnet_ros.settings import AssemblySettings

TIMES = (0.001, 0.004, 0.016)
MS = 1_000_000
START = 5_000 * MS


def frame(ms, exposure=None, counter=None, stream=0, size=(2, 3), dtype=np.uint8):
    """A frame `ms` milliseconds after the start; `exposure` counts from 1."""
    return Frame(
        pixels=np.zeros(size, dtype), stamp_ns=START + round(ms * MS), sequence_id=counter,
        exposure_time=TIMES[exposure - 1] if exposure else None, stream=stream)


def cycle(turns, first=0):
    """Frames with everything known of them, 10 ms apart, the cycle 30 ms long."""
    return [frame(30 * t + 10 * k, exposure=k + 1, counter=3 * t + k)
            for t in range(first, first + turns) for k in range(3)]


def assembler(stream_count=1, reference=0, **settings):
    settings.setdefault('exposure_times', TIMES)
    return BracketAssembler(AssemblySettings(**settings), stream_count, reference)


def run(made, frames):
    return [bracket for f in frames for bracket in made.add(f)]


def stamps(bracket):
    return [(f.stamp_ns - START) / MS for f in bracket.frames]


# --- frames by the hundred, each of which hides what it is (benchmark/camera.py) ---------------

EVEN, PAUSING = Camera(), Camera(spread=0.6)
MANY_TIMES = tuple(0.001 * 2**k for k in range(9))
SHARES = st.sampled_from((0.0, 0.02, 0.1, 0.3))
ROADS = st.builds(Channel, lost=SHARES, reordered=SHARES, delayed=SHARES, doubled=SHARES,
                  joined=st.integers(0, 10), rounds=st.integers(1, 3))


def camera_for(source, **changes):
    return dataclasses.replace(PAUSING if source == 'gap' else EVEN, **changes)


def travel(camera, channel, brackets, seed=0):
    rng = random.Random(seed)
    return channel.travel(camera.shoot(brackets, rng), camera.size, rng)
