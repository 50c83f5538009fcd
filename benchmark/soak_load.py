# SPDX-License-Identifier: Apache-2.0
"""Run the node for a long time, under full load or with lost, doubled and reordered frames.

`fuse_node` runs as a process. This process is its camera and viewer, and samples the node's
memory, threads and file handles every few seconds.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.node import SIZES, TOPIC, running_node, textured

PERIOD = 0.1  # seconds per bracket: three frames at 30 Hz
STEP_NS = round(PERIOD / 3 * 1e9)  # between two frames
GROWTH = 0.01  # allowed growth of memory after the warm-up
LATE = 10.0  # allowed ratio of the latencies at the end to those at the start: no queue grows
HELD = 6  # allowed number of frames that are under way or waiting when counts are compared
_PATIENCE = 60.0
_KEPT = 60  # number of samples in the record, evenly spread


class Sample(NamedTuple):
    """Resources of the process at one moment."""

    seconds: float
    memory_mb: float
    threads: int
    files: int


class Played(NamedTuple):
    """What was sent and received.

    Attributes:
        samples: Samples of the process, in order.
        latencies: Times from the last frame sent to the result received, in order [s].
        sent: Number of frames sent.
        whole: Number of turns with all three frames sent.
        brackets: Stamps of the frames of each result [ns]; empty if not subscribed to.
        diagnostics: The node's last diagnostics.
    """

    samples: list[Sample]
    latencies: list[float]
    sent: int
    whole: int
    brackets: list[list[int]]
    diagnostics: dict[str, str]


def load(options: argparse.Namespace) -> dict[str, Any]:
    """Send frames at 30 Hz: the newest bracket wins, and memory and latency do not grow."""
    size, minutes = options.size or '1080p', options.minutes or 60.0
    played = _run_node(options, size, minutes, bad=False)
    return {'size': size, 'minutes': minutes, **judge(
        played.samples, played.latencies, options.warm_up), **_counts(played)}


def road(options: argparse.Namespace) -> dict[str, Any]:
    """Lose, double and reorder frames: no bracket is mixed, and every frame is counted."""
    size, minutes = options.size or 'small', options.minutes or 10.0
    played = _run_node(options, size, minutes, bad=True)
    found = {'size': size, 'minutes': minutes, 'lost': options.lost, 'doubled': options.doubled,
             'reordered': options.reordered,
             **judge(played.samples, played.latencies, options.warm_up), **_counts(played)}
    found['mixed'] = sum(len({stamp // round(PERIOD * 1e9) for stamp in bracket}) > 1
                         for bracket in played.brackets)
    found['uncounted'] = uncounted(played.diagnostics)
    if found['mixed'] or not played.brackets:
        found['broken'].append(f'{found["mixed"]} of {len(played.brackets)} brackets are mixed')
    if not 0 <= found['uncounted'] <= HELD:
        found['broken'].append(f'{found["uncounted"]} frames are in no count')
    return found


def uncounted(diagnostics: dict[str, str]) -> int:
    """Number of frames that the node received but counts neither as fused nor as dropped."""
    counts = {name: int(n) for name, n in diagnostics.items()
              if name.startswith(('dropped.', 'brackets_', 'images_r')) and n.isdigit()}
    brackets = counts.pop('brackets_fused') + counts.pop('brackets_nobody_wanted') + sum(
        counts.pop(f'dropped.{reason}', 0) for reason in ('superseded', 'failed'))
    return counts.pop('images_received') - 3 * brackets - sum(counts.values())


def _counts(played: Played) -> dict[str, Any]:
    return {'frames_sent': played.sent, 'whole_turns': played.whole, 'told': {
        k: int(v) for k, v in played.diagnostics.items()
        if k.startswith(('dropped', 'brackets', 'images')) and v.isdigit()}}


def _run_node(options: argparse.Namespace, size: str, minutes: float, *, bad: bool) -> Played:
    """Run a node process, send it frames and sample it."""
    import rclpy

    from benchmark.soak_peer import Peer, Witness

    with running_node(options) as node:
        rclpy.init()
        try:
            peer = Witness(TOPIC) if bad else Peer(TOPIC, '/fuse_node/image')
            peer.wait_until_matched(_PATIENCE)
            turns = _generate_turns(textured(SIZES[size]), options, bad=bad)
            played = _play(peer, node.pid, turns, minutes * 60, options.every)
            peer.spin_for(2.0)  # for the last results and their diagnostics
            diagnostics = dict(peer.diagnostics)
            peer.destroy_node()
        finally:
            rclpy.shutdown()
    return played._replace(diagnostics=diagnostics)


def _generate_turns(frames: list[np.ndarray], options: argparse.Namespace, *,
           bad: bool) -> Iterator[list[tuple[int, np.ndarray]]]:
    rng = random.Random(1)
    while True:
        yield disturb_frames(frames, rng, options) if bad else list(enumerate(frames))


def _play(peer: Any, pid: int, turns: Iterator[list[tuple[int, np.ndarray]]], seconds: float,
          every: float) -> Played:
    played = Played([], [], 0, 0, getattr(peer, 'brackets', []), {})
    begun, turn, frames, whole, sent_at = time.monotonic(), 0, 0, 0, {}
    while (now := time.monotonic() - begun) < seconds:
        stamp_ns, arrived = 10**9 + turn * round(PERIOD * 1e9), next(turns)
        sent = time.monotonic()
        for place, pixels in arrived:
            sent = time.monotonic()
            peer.send(peer.serialised(pixels, stamp_ns + place * STEP_NS))
            peer.spin_for(PERIOD / 3 * 0.5)
        frames += len(arrived)
        whole += len(dict(arrived)) == 3
        sent_at[stamp_ns + STEP_NS] = sent
        played.latencies.extend(_take_latencies(peer.received_at, sent_at, stamp_ns))
        turn += 1
        peer.spin_for(max(0.0, begun + turn * PERIOD - time.monotonic()))
        if not played.samples or now - played.samples[-1].seconds >= every:
            played.samples.append(sample(pid, now))
    return played._replace(sent=frames, whole=whole)


def _take_latencies(
    received_at: dict[int, float], sent_at: dict[int, float], now_ns: int
) -> list[float]:
    """Remove received results and return their latencies [s]; drops results over a minute late."""
    latencies = [received_at.pop(stamp) - sent_at.pop(stamp)
                 for stamp in list(sent_at) if stamp in received_at]
    for stamp in [stamp for stamp in sent_at if stamp < now_ns - 60 * 10**9]:
        sent_at.pop(stamp)
    return latencies


def disturb_frames(frames: list[np.ndarray], rng: random.Random,
              options: argparse.Namespace) -> list[tuple[int, np.ndarray]]:
    """Lose, double and reorder the frames of a bracket; returns (index, frame) pairs."""
    arrived = []
    for place, pixels in enumerate(frames):
        if rng.random() >= options.lost:
            arrived += [(place, pixels)] * (2 if rng.random() < options.doubled else 1)
    if rng.random() < options.reordered:
        rng.shuffle(arrived)
    return arrived


def sample(pid: int, seconds: float) -> Sample:
    """Sample the resources of a Linux process.

    Args:
        pid: Id of the process.
        seconds: Time of the sample since the start of the run.
    """
    proc = Path('/proc') / str(pid)
    lines = (proc / 'status').read_text().splitlines()
    status = dict(line.split(':', 1) for line in lines)
    return Sample(round(seconds, 1), int(status['VmRSS'].split()[0]) / 1024,
                  int(status['Threads']), len(list((proc / 'fd').iterdir())))


def judge(samples: list[Sample], latencies: list[float], warm_up: float) -> dict[str, Any]:
    """Check the promises against the samples.

    Args:
        samples: Samples in order.
        latencies: Latencies of the received results, in order [s].
        warm_up: Share of the samples to ignore at the start.

    Returns:
        Figures, and `broken`: descriptions of broken promises.
    """
    warm = samples[int(len(samples) * warm_up):]
    quarter = max(1, len(warm) // 4)  # large, because memory is 10 % lower between images
    first, last = (float(np.median([s.memory_mb for s in part]))
                   for part in (warm[:quarter], warm[-quarter:]))
    late = max(1, len(latencies) // 10)
    early_s, late_s = (float(np.median(part)) if part else 0.0
                       for part in (latencies[:late], latencies[-late:]))
    threads, files = ({getattr(s, name) for s in warm} for name in ('threads', 'files'))
    broken = []
    if last > first * (1 + GROWTH):
        broken.append(f'memory grew from {first:.0f} to {last:.0f} MB')
    if max(threads) - min(threads) > 1 or max(files) - min(files) > 1:
        broken.append(f'threads {sorted(threads)}, file handles {sorted(files)}')
    if not latencies:
        broken.append('no result came')
    elif late_s > LATE * max(early_s, PERIOD):
        broken.append(f'latency grew from {early_s:.2f} to {late_s:.2f} s')
    spread = [round(float(q), 3) for q in np.quantile(latencies or [0.0], (0.5, 0.95, 1.0))]
    return {'samples': len(samples), 'results': len(latencies),
            'memory_mb': [round(first, 1), round(last, 1)], 'growth': round(last / first - 1, 5),
            'latency_s': [round(early_s, 3), round(late_s, 3)],
            'latency_quantiles_s': spread,  # median, 95 %, longest
            'threads': sorted(threads), 'files': sorted(files), 'broken': broken,
            'series': [list(s) for s in samples[::max(1, len(samples) // _KEPT)]]}
