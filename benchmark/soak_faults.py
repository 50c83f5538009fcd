# SPDX-License-Identifier: Apache-2.0
"""Faults by the hundred, over DDS, to a node that runs as a process."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.node import EXPOSURES, SIZES, TOPIC, running_node
from benchmark.soak_load import PERIOD, STEP_NS, Sample, judge, sample
from ddfnet_ros import weights
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.radiance import GAMMA

LEVELS = (0.02, 0.05)  # of the loops in turn: radiance where the shortest exposure's white is 1
WHOLE = 3  # brackets in the bag; then come two frames of another one
_TURN_NS = round(PERIOD * 1e9)
_OFF = 0.05  # share of its level that a result may be away from it; a mixed one is further
_CHANGES = ('configure', 'activate', 'deactivate', 'cleanup')
_PATIENCE = 300.0  # seconds, on a machine that others use too


def loops(options: argparse.Namespace) -> dict[str, Any]:
    """Play a bag that ends within a bracket, again and again, with its clock.

    Every loop has the same stamps and one of two brightnesses. The model is an untrained one,
    which merges whatever it is given: a bracket with frames of two loops would show.
    """
    from benchmark.soak_peer import Player

    count, came = options.count or 100, 0
    broken: list[str] = []
    with _merging(options) as merging, _peer(merging, Player, use_sim_time=True) as (peer, _):
        for k in range(-1, count):
            level = LEVELS[k % 2]
            frames = _flat(level, SIZES[options.size or 'small'])
            off = _loop(peer, frames, level / EXPOSURES[0])
            if k < 0:  # before the node knew of its camera, frames may have got lost
                continue
            came += len(off)
            broken += [f'loop {k}: {found}' for found in faults_of(off)]
        peer.spin_for(1.0)
        told = dict(peer.told)
    return {'loops': count, 'brackets_played': WHOLE * count, 'brackets_fused': came,
            'told': {k: int(v) for k, v in told.items()
                     if k.startswith(('dropped', 'brackets_f', 'images_r')) and v.isdigit()},
            'broken': broken[:10]}


def _loop(peer: Any, frames: list[np.ndarray], radiance: float) -> list[float]:
    """Play the bag once; how far each result is from the radiance that was played, as a share."""
    peer.tell_time(10**9)
    off = []
    for turn in range(WHOLE + 1):
        begin_ns = 10**9 + turn * _TURN_NS
        for place, pixels in list(enumerate(frames))[:3 if turn < WHOLE else 2]:
            stamp_ns = begin_ns + place * STEP_NS
            peer.tell_time(stamp_ns)
            peer.send(peer.serialised(pixels, stamp_ns))
        if turn < WHOLE and peer.wait_for_result(begin_ns + STEP_NS, _PATIENCE):
            del peer.came[begin_ns + STEP_NS]
            off.append(abs(peer.last / radiance - 1))
    peer.spin_for(0.01)
    return off


def faults_of(off: list[float]) -> Iterator[str]:
    """What is wrong with the results of one loop, by how far each is off; see LEVELS."""
    if len(off) < WHOLE:
        yield f'{len(off)} of {WHOLE} brackets were fused'
    if any(share > _OFF for share in off):
        yield f'frames of another loop: results are off by {max(off):.0%}'


@contextmanager
def _merging(options: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """The options, with a small model that was never trained."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f'merging{weights.SUFFIX}'
        torch.manual_seed(1)
        weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
        yield argparse.Namespace(**vars(options) | {'model': str(path)})


def _flat(level: float, size: tuple[int, int]) -> list[np.ndarray]:
    """What a camera sees of a grey wall."""
    return [np.full((*size, 3), round(min(1.0, level * t / EXPOSURES[0]) ** (1 / GAMMA) * 255),
                    np.uint8) for t in EXPOSURES]


def transitions(options: argparse.Namespace) -> dict[str, Any]:
    """Ask for transitions in random order, with and without images; then for a bracket."""
    from benchmark.soak_peer import Manager

    count, rng = options.count or 1000, random.Random(1)
    samples: list[Sample] = []
    done = dict.fromkeys(_CHANGES, 0)
    frames = _flat(LEVELS[0], SIZES[options.size or 'small'])
    with _peer(options, Manager, autostart=False) as (peer, pid):
        state = 'unconfigured'
        for step in range(count):
            change = rng.choice(_CHANGES)
            done[change] += peer.change(change, _PATIENCE)
            state = peer.state(_PATIENCE)
            if state == 'active' and rng.random() < 0.5:
                _send_bracket(peer, frames, step + 1)
            if state == 'unconfigured':
                samples.append(sample(pid, step))
        for change in ('configure', 'activate'):  # as far as it is not
            peer.change(change, _PATIENCE)
        peer.wait_until_matched(_PATIENCE)
        stamp_ns = _send_bracket(peer, frames, count + 1)
        fused = peer.wait_for_result(stamp_ns, _PATIENCE)
    found = judge(samples, [0.0] if fused else [], options.warm_up)
    return {'transitions': count, 'done': done, 'size': options.size or 'small',
            **{k: found[k] for k in ('memory_mb', 'growth', 'threads', 'files', 'broken',
                                     'series')}}


def _send_bracket(peer: Any, frames: list[np.ndarray], number: int) -> int:
    """Send it; gives the stamp of its reference [ns]."""
    begin_ns = 10**9 + number * _TURN_NS
    for place, pixels in enumerate(frames):
        peer.send(peer.serialised(pixels, begin_ns + place * STEP_NS))
    return begin_ns + STEP_NS


@contextmanager
def _peer(options: argparse.Namespace, kind: Any,
          **parameters: object) -> Iterator[tuple[Any, int]]:
    """A node process and its peer; gives both, the node as the number of its process."""
    import rclpy

    with running_node(options, **parameters) as node:
        if mine := not rclpy.ok():
            rclpy.init()
        try:
            peer = kind(TOPIC)
            peer.wait_for_node(_PATIENCE)
            yield peer, node.pid
            peer.destroy_node()
        finally:
            if mine:
                rclpy.shutdown()
