# SPDX-License-Identifier: Apache-2.0
"""Several cameras: all in one process on one model, and in a process each.

    python -m benchmark.cameras --cameras 3

sends brackets of all cameras simultaneously at a fixed rate. For each layout it prints the results
per camera and second, their age, and the memory of the processes. Writes
`benchmark/records/cameras.json` unless the machine is busy.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor

from benchmark.node import (
    PATIENCE,
    PERIOD_NS,
    SIZES,
    add_network,
    environment,
    parameters,
    running,
    textured,
    to_be_recorded,
)
from benchmark.node_peer import Peer
from ddfnet_ros.evaluation.record import commit_of

RECORD = Path(__file__).parent / 'records' / 'cameras.json'
TOPIC = '/{camera}/image_raw'
FRAME_NS = PERIOD_NS // 3  # between two stamps of a bracket
LAYOUTS = ('one process', 'a process each')


def main() -> int:
    """Measure both layouts, print them, write the record."""
    options = _options()
    load = os.getloadavg()[0]
    with environment():
        rows = {layout: measure(layout, options) for layout in LAYOUTS}
    for layout, row in rows.items():
        print(f'{layout}: {row}')
    if not to_be_recorded(load, options):
        return 0
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent),
              'cores': os.cpu_count(), 'load': round(load, 2), 'options': vars(options),
              'layouts': rows}
    RECORD.write_text(json.dumps(record, indent=1) + '\n')
    return 0


def measure(layout: str, options: argparse.Namespace) -> dict[str, Any]:
    """Results per second and their median age [ms] per camera, and the total memory [MiB]."""
    names = [f'camera{k}' for k in range(options.cameras)]
    with running_cameras(layout, names, options) as processes:
        rclpy.init()
        try:
            peers = [Peer(TOPIC.replace('{camera}', name), f'/{name}/fuse_node/image')
                     for name in names]
            for peer in peers:
                peer.wait_until_matched(PATIENCE)
            sent = play(peers, textured(SIZES[options.size]), options)
            memory = sum(map(memory_mb, processes))
            ages = [[(peer.received_at[stamp] - at) * 1e3 for stamp, at in sent.items()
                     if stamp in peer.received_at] for peer in peers]
            for peer in peers:
                peer.destroy_node()
        finally:
            rclpy.shutdown()
    return {
        'results_per_second': [round(len(times) / options.seconds, 2) for times in ages],
        'age_ms': [round(statistics.median(times), 1) if times else None for times in ages],
        'memory_mb': round(memory),
    }


@contextlib.contextmanager
def running_cameras(
    layout: str, names: list[str], options: argparse.Namespace
) -> Iterator[list[int]]:
    """Run the nodes of all cameras; yields the ids of their processes."""
    with contextlib.ExitStack() as stack:
        if layout == LAYOUTS[0]:
            started = [stack.enter_context(
                running('fuse_cameras', *names, '--ros-args', *parameters(options, TOPIC)))]
        else:
            started = [stack.enter_context(running(
                'fuse_node', '--ros-args', '-r', f'__ns:=/{name}',
                *parameters(options, TOPIC.replace('{camera}', name)))) for name in names]
        yield [process.pid for process in started]


def play(peers: list[Peer], frames: list[np.ndarray], options: argparse.Namespace
         ) -> dict[int, float]:
    """Send brackets of all cameras simultaneously; returns the times of sending [s].

    Times are keyed by the reference's stamp [ns]. Brackets of the warm-up are left out.
    """
    executor = SingleThreadedExecutor()
    for peer in peers:
        executor.add_node(peer)
    sent: dict[int, float] = {}
    begun, turn = time.monotonic(), 0
    while (now := time.monotonic() - begun) < options.warm_up + options.seconds:
        stamp_ns = 10**9 + turn * PERIOD_NS
        for place, pixels in enumerate(frames):
            message = peers[0].serialised(pixels, stamp_ns + place * FRAME_NS)
            for peer in peers:
                peer.send(message)
        if now >= options.warm_up:
            sent[stamp_ns + FRAME_NS] = time.monotonic()
        turn += 1
        while (left := begun + turn * options.period - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=left)
    executor.shutdown()
    return sent


def memory_mb(pid: int) -> float:
    """Memory of a process, including its proportional share of shared memory [MiB]."""
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text(encoding='ascii').splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith('Pss:')) / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--cameras', type=int, default=3)
    parser.add_argument('--size', choices=SIZES, default='720p')
    parser.add_argument('--period', type=float, default=0.1, help='of the brackets [s]')
    parser.add_argument('--seconds', type=float, default=30.0)
    parser.add_argument('--warm-up', type=float, default=5.0, help='seconds that do not count')
    add_network(parser)
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
