# SPDX-License-Identifier: Apache-2.0
"""Bag loops and life-cycle transitions by the hundred, over DDS, on a node in its own process."""

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

LEVELS = (0.02, 0.05)  # radiance of alternate loops; white of the shortest exposure is 1
WHOLE = 3  # whole brackets in the bag; two frames of another bracket follow
_TURN_NS = round(PERIOD * 1e9)
_OFF = 0.05  # allowed relative error of a result; a mixed bracket exceeds it
_CHANGES = ('configure', 'activate', 'deactivate', 'cleanup')
_PATIENCE = 300.0  # seconds; the machine may be busy


def loops(options: argparse.Namespace) -> dict[str, Any]:
    """Play a bag that ends within a bracket in a loop, with its clock.

    All loops have the same stamps and alternate between two brightnesses. The model is untrained
    and merges any frames, so the result of a bracket with frames of two loops has a wrong level.
    """
    from benchmark.soak_peer import Player

    count, fused = options.count or 100, 0
    broken: list[str] = []
    with _with_untrained_model(options) as untrained, \
            _run_node_and_peer(untrained, Player, use_sim_time=True) as (peer, _):
        for k in range(-1, count):
            level = LEVELS[k % 2]
            frames = _flat_frames(level, SIZES[options.size or 'small'])
            errors = _play_loop(peer, frames, level / EXPOSURES[0])
            if k < 0:  # frames may get lost until the node has discovered its camera
                continue
            fused += len(errors)
            broken += [f'loop {k}: {found}' for found in faults_of(errors)]
        peer.spin_for(1.0)
        diagnostics = dict(peer.diagnostics)
    return {'loops': count, 'brackets_played': WHOLE * count, 'brackets_fused': fused,
            'told': {k: int(v) for k, v in diagnostics.items()
                     if k.startswith(('dropped', 'brackets_f', 'images_r')) and v.isdigit()},
            'broken': broken[:10]}


def _play_loop(peer: Any, frames: list[np.ndarray], radiance: float) -> list[float]:
    """Play the bag once; returns the relative error of the radiance of each result."""
    peer.publish_clock(10**9)
    errors = []
    for turn in range(WHOLE + 1):
        begin_ns = 10**9 + turn * _TURN_NS
        for place, pixels in list(enumerate(frames))[:3 if turn < WHOLE else 2]:
            stamp_ns = begin_ns + place * STEP_NS
            peer.publish_clock(stamp_ns)
            peer.send(peer.serialised(pixels, stamp_ns))
        if turn < WHOLE and peer.wait_for_result(begin_ns + STEP_NS, _PATIENCE):
            del peer.received_at[begin_ns + STEP_NS]
            errors.append(abs(peer.last / radiance - 1))
    peer.spin_for(0.01)
    return errors


def faults_of(errors: list[float]) -> Iterator[str]:
    """Describe the faults of one loop, given the relative error of each result."""
    if len(errors) < WHOLE:
        yield f'{len(errors)} of {WHOLE} brackets were fused'
    if any(share > _OFF for share in errors):
        yield f'frames of another loop: results are off by {max(errors):.0%}'


@contextmanager
def _with_untrained_model(options: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """The options with a small untrained model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f'merging{weights.SUFFIX}'
        torch.manual_seed(1)
        weights.save(FastFusion(FastConfig(channels=8, blocks=1)), path, {})
        yield argparse.Namespace(**vars(options) | {'model': str(path)})


def _flat_frames(level: float, size: tuple[int, int]) -> list[np.ndarray]:
    """Frames of a uniform grey scene of radiance `level`, one per exposure."""
    return [np.full((*size, 3), round(min(1.0, level * t / EXPOSURES[0]) ** (1 / GAMMA) * 255),
                    np.uint8) for t in EXPOSURES]


def transitions(options: argparse.Namespace) -> dict[str, Any]:
    """Request random transitions, with and without images; at the end, fuse a bracket."""
    from benchmark.soak_peer import Manager

    count, rng = options.count or 1000, random.Random(1)
    samples: list[Sample] = []
    done = dict.fromkeys(_CHANGES, 0)
    frames = _flat_frames(LEVELS[0], SIZES[options.size or 'small'])
    with _run_node_and_peer(options, Manager, autostart=False) as (peer, pid):
        state = 'unconfigured'
        for step in range(count):
            change = rng.choice(_CHANGES)
            done[change] += peer.change(change, _PATIENCE)
            state = peer.state(_PATIENCE)
            if state == 'active' and rng.random() < 0.5:
                _send_bracket(peer, frames, step + 1)
            if state == 'unconfigured':
                samples.append(sample(pid, step))
        for change in ('configure', 'activate'):  # fails harmlessly if already there
            peer.change(change, _PATIENCE)
        peer.wait_until_matched(_PATIENCE)
        stamp_ns = _send_bracket(peer, frames, count + 1)
        fused = peer.wait_for_result(stamp_ns, _PATIENCE)
    found = judge(samples, [0.0] if fused else [], options.warm_up)
    return {'transitions': count, 'done': done, 'size': options.size or 'small',
            **{k: found[k] for k in ('memory_mb', 'growth', 'threads', 'files', 'broken',
                                     'series')}}


def _send_bracket(peer: Any, frames: list[np.ndarray], number: int) -> int:
    """Send a bracket; returns the stamp of its reference [ns]."""
    begin_ns = 10**9 + number * _TURN_NS
    for place, pixels in enumerate(frames):
        peer.send(peer.serialised(pixels, begin_ns + place * STEP_NS))
    return begin_ns + STEP_NS


@contextmanager
def _run_node_and_peer(options: argparse.Namespace, kind: Any,
          **parameters: object) -> Iterator[tuple[Any, int]]:
    """Run a node process and its peer; yields the peer and the id of the process."""
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
