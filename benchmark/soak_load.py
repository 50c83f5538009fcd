# SPDX-License-Identifier: Apache-2.0
"""The node under load, and over a bad road, for as long as one likes.

`fuse_node` runs as a process; this one is its camera and its viewer, and looks every few seconds
at the node's memory, threads and file handles.
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

PERIOD = 0.1  # seconds of a turn: three frames at 30 Hz
STEP_NS = round(PERIOD / 3 * 1e9)  # between two frames
GROWTH = 0.01  # of memory after the warm-up, at most
LATE = 10.0  # latencies of the last tenth to those of the first, at most: no queue grows
HELD = 6  # frames that may be on their way, or wait for others, when counts are compared
_PATIENCE = 60.0
_KEPT = 60  # samples in the record, evenly spread


class Sample(NamedTuple):
    """The process at one moment."""

    seconds: float
    memory_mb: float
    threads: int
    files: int


class Played(NamedTuple):
    """What was sent, and what came of it.

    Attributes:
        samples: Of the process, in order.
        latencies: From the last frame sent to the result received, in order [s].
        sent: Frames.
        whole: Turns of which every frame was sent.
        brackets: Stamps of the frames of each result [ns], where they were asked for.
        told: The node's last diagnostics.
    """

    samples: list[Sample]
    latencies: list[float]
    sent: int
    whole: int
    brackets: list[list[int]]
    told: dict[str, str]


def load(options: argparse.Namespace) -> dict[str, Any]:
    """As fast as a camera sends: the newest wins, and nothing grows."""
    size, minutes = options.size or '1080p', options.minutes or 60.0
    played = _run(options, size, minutes, bad=False)
    return {'size': size, 'minutes': minutes, **judge(
        played.samples, played.latencies, options.warm_up), **_told(played)}


def road(options: argparse.Namespace) -> dict[str, Any]:
    """Frames get lost, come twice or in another order: nothing is mixed, all is counted."""
    size, minutes = options.size or 'small', options.minutes or 10.0
    played = _run(options, size, minutes, bad=True)
    found = {'size': size, 'minutes': minutes, 'lost': options.lost, 'doubled': options.doubled,
             'reordered': options.reordered,
             **judge(played.samples, played.latencies, options.warm_up), **_told(played)}
    found['mixed'] = sum(len({stamp // round(PERIOD * 1e9) for stamp in bracket}) > 1
                         for bracket in played.brackets)
    found['uncounted'] = uncounted(played.told)
    if found['mixed'] or not played.brackets:
        found['broken'].append(f'{found["mixed"]} of {len(played.brackets)} brackets are mixed')
    if not 0 <= found['uncounted'] <= HELD:
        found['broken'].append(f'{found["uncounted"]} frames are in no count')
    return found


def uncounted(told: dict[str, str]) -> int:
    """Frames that came and were neither fused nor counted as dropped, by the diagnostics."""
    counts = {name: int(n) for name, n in told.items()
              if name.startswith(('dropped.', 'brackets_', 'images_r')) and n.isdigit()}
    brackets = counts.pop('brackets_fused') + counts.pop('brackets_nobody_wanted') + sum(
        counts.pop(f'dropped.{reason}', 0) for reason in ('superseded', 'failed'))
    return counts.pop('images_received') - 3 * brackets - sum(counts.values())


def _told(played: Played) -> dict[str, Any]:
    return {'frames_sent': played.sent, 'whole_turns': played.whole, 'told': {
        k: int(v) for k, v in played.told.items()
        if k.startswith(('dropped', 'brackets', 'images')) and v.isdigit()}}


def _run(options: argparse.Namespace, size: str, minutes: float, *, bad: bool) -> Played:
    """Send turns to a node process, and sample it."""
    import rclpy

    from benchmark.soak_peer import Peer, Witness

    with running_node(options) as node:
        rclpy.init()
        try:
            peer = Witness(TOPIC) if bad else Peer(TOPIC, '/fuse_node/image')
            peer.wait_until_matched(_PATIENCE)
            turns = _turns(textured(SIZES[size]), options, bad=bad)
            played = _play(peer, node.pid, turns, minutes * 60, options.every)
            peer.spin_for(2.0)  # what is on its way, and the diagnostics of it
            told = dict(peer.told)
            peer.destroy_node()
        finally:
            rclpy.shutdown()
    return played._replace(told=told)


def _turns(frames: list[np.ndarray], options: argparse.Namespace, *,
           bad: bool) -> Iterator[list[tuple[int, np.ndarray]]]:
    rng = random.Random(1)
    while True:
        yield travelled(frames, rng, options) if bad else list(enumerate(frames))


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
        played.latencies.extend(_arrivals(peer.came, sent_at, stamp_ns))
        turn += 1
        peer.spin_for(max(0.0, begun + turn * PERIOD - time.monotonic()))
        if not played.samples or now - played.samples[-1].seconds >= every:
            played.samples.append(sample(pid, now))
    return played._replace(sent=frames, whole=whole)


def _arrivals(came: dict[int, float], sent_at: dict[int, float], now_ns: int) -> list[float]:
    """Latencies of what came [s]; forgets what will not come any more."""
    latencies = [came.pop(stamp) - sent_at.pop(stamp) for stamp in list(sent_at) if stamp in came]
    for stamp in [stamp for stamp in sent_at if stamp < now_ns - 60 * 10**9]:
        sent_at.pop(stamp)
    return latencies


def travelled(frames: list[np.ndarray], rng: random.Random,
              options: argparse.Namespace) -> list[tuple[int, np.ndarray]]:
    """A turn's frames with their places, as they arrive over a bad road."""
    arrived = []
    for place, pixels in enumerate(frames):
        if rng.random() >= options.lost:
            arrived += [(place, pixels)] * (2 if rng.random() < options.doubled else 1)
    if rng.random() < options.reordered:
        rng.shuffle(arrived)
    return arrived


def sample(pid: int, seconds: float) -> Sample:
    """Look at a process of Linux.

    Args:
        pid: Which.
        seconds: Since it began.
    """
    proc = Path('/proc') / str(pid)
    lines = (proc / 'status').read_text().splitlines()
    status = dict(line.split(':', 1) for line in lines)
    return Sample(round(seconds, 1), int(status['VmRSS'].split()[0]) / 1024,
                  int(status['Threads']), len(list((proc / 'fd').iterdir())))


def judge(samples: list[Sample], latencies: list[float], warm_up: float) -> dict[str, Any]:
    """What the samples say of the promises.

    Args:
        samples: In order.
        latencies: Of results that came, in order [s].
        warm_up: Share of the samples that do not count.

    Returns:
        Figures, and `broken`: the promises that were not held.
    """
    warm = samples[int(len(samples) * warm_up):]
    quarter = max(1, len(warm) // 4)  # large: between two images the process is 10 % smaller
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
