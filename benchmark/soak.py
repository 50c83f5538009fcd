# SPDX-License-Identifier: Apache-2.0
"""The node under load, and under what cameras do, for as long as one likes.

    python -m benchmark.soak --minutes 60                       # 3 x 1080p at 30 Hz
    python -m benchmark.soak --minutes 10 --lost 0.1 --doubled 0.05 --reordered 0.05
    python -m benchmark.soak --size small --brackets-in-process 10000    # tracemalloc, no ROS

starts `fuse_node` as a process, plays its camera and its viewer, and looks every few seconds at
its memory, threads and file handles. Writes `benchmark/records/soak.json` and ends with 1 where a
promise of doc/reliability.md was not held.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmark.node import (
    EXPOSURES,
    SIZES,
    TOPIC,
    add_network,
    environment,
    running_node,
    textured,
)
from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.record import commit_of
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings

RECORD = Path(__file__).parent / 'records' / 'soak.json'
PERIOD = 0.1  # seconds of a turn: three frames at 30 Hz
GROWTH = 0.01  # of memory after the warm-up, at most
LATE = 10.0  # latencies of the last tenth to those of the first, at most: no queue grows
PATIENCE = 60.0


class Sample(NamedTuple):
    """The process at one moment."""

    seconds: float
    memory_mb: float
    threads: int
    files: int


def main() -> int:
    """Run, print, write the record; 1 where a promise was not held."""
    options = _options()
    if options.brackets_in_process:
        found = in_process(options)
    else:
        with environment():
            found = over_dds(options)
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent),
              'cores': os.cpu_count(), 'load': round(os.getloadavg()[0], 2),
              'options': {k: v for k, v in vars(options).items() if v}, **found}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + '\n')
    print(json.dumps(found, indent=1))
    return int(bool(found['broken']))


def over_dds(options: argparse.Namespace) -> dict[str, Any]:
    """Send turns to a node process, and sample it."""
    import rclpy

    from benchmark.node_peer import Peer

    samples: list[Sample] = []
    latencies: list[float] = []
    with running_node(options) as node:
        rclpy.init()
        try:
            peer = Peer(TOPIC, '/fuse_node/image')
            peer.wait_until_matched(PATIENCE)
            _play(peer, node.pid, options, samples, latencies)
            told = dict(peer.told)
            peer.destroy_node()
        finally:
            rclpy.shutdown()
    return judge(samples, latencies, options.warm_up) | {
        'told': {k: v for k, v in told.items() if k.startswith(('dropped', 'brackets', 'images'))}}


def _play(peer: Any, pid: int, options: argparse.Namespace, samples: list[Sample],
          latencies: list[float]) -> None:
    rng, frames = random.Random(1), textured(SIZES[options.size])
    begun, turn, sent_at = time.monotonic(), 0, {}
    while (now := time.monotonic() - begun) < options.minutes * 60:
        stamp_ns = 10**9 + round(turn * PERIOD * 1e9)
        sent = time.monotonic()
        for place, pixels in _travelled(frames, rng, options):
            sent = time.monotonic()
            message = peer.serialised(pixels, stamp_ns + round(place * PERIOD / 3 * 1e9))
            peer.send(message)
            peer.spin_for(PERIOD / 3 * 0.5)
        sent_at[stamp_ns + round(PERIOD / 3 * 1e9)] = sent
        for stamp in [stamp for stamp in sent_at if stamp in peer.came]:
            latencies.append(peer.came.pop(stamp) - sent_at.pop(stamp))
        for stamp in [stamp for stamp in sent_at if stamp < stamp_ns - 60 * 10**9]:
            sent_at.pop(stamp)
        turn += 1
        peer.spin_for(max(0.0, begun + turn * PERIOD - time.monotonic()))
        if not samples or now - samples[-1].seconds >= options.every:
            samples.append(sample(pid, now))


def _travelled(frames: list[np.ndarray], rng: random.Random,
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
    tenth = max(1, len(warm) // 10)
    first, last = (float(np.median([s.memory_mb for s in part]))
                   for part in (warm[:tenth], warm[-tenth:]))
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
    return {'samples': len(samples), 'results': len(latencies), 'memory_mb': [first, last],
            'growth': last / first - 1, 'latency_s': [early_s, late_s],
            'threads': sorted(threads), 'files': sorted(files), 'broken': broken}


def in_process(options: argparse.Namespace) -> dict[str, Any]:
    """Fuse many brackets in this process, and ask tracemalloc, and CUDA, what was kept."""
    fuse = Deghoster(DeghosterSettings(model=options.model, device=options.device))
    bracket = Bracket.of(Frame(pixels=p, exposure_time=t) for p, t in
                         zip(textured(SIZES[options.size]), EXPOSURES, strict=True))

    def kept() -> dict[str, float]:
        cuda = torch.cuda.memory_allocated() if fuse.device.startswith('cuda') else 0
        return {'python_mb': tracemalloc.get_traced_memory()[0] / 2**20, 'cuda_mb': cuda / 2**20,
                'resident_mb': sample(os.getpid(), 0).memory_mb}

    tracemalloc.start()
    for _ in range(max(3, options.brackets_in_process // 10)):
        fuse(bracket)
    before = kept()
    for _ in range(options.brackets_in_process):
        fuse(bracket)
    after = kept()
    broken = [f'{name} grew from {before[name]:.1f} to {after[name]:.1f}' for name in after
              if after[name] > before[name] * (1 + GROWTH) + 0.1]
    return {'before': before, 'after': after, 'broken': broken}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--minutes', type=float, default=60.0)
    parser.add_argument('--size', choices=SIZES, default='1080p')
    parser.add_argument('--every', type=float, default=5.0, help='seconds between two samples')
    parser.add_argument('--warm-up', type=float, default=0.1, help='share of the samples')
    parser.add_argument('--lost', type=float, default=0.0, help='share of the frames')
    parser.add_argument('--doubled', type=float, default=0.0, help='share of the frames')
    parser.add_argument('--reordered', type=float, default=0.0, help='share of the turns')
    parser.add_argument('--brackets-in-process', type=int, default=0)
    add_network(parser)
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
