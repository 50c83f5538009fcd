# SPDX-License-Identifier: Apache-2.0
"""What the node adds to the network: from the last frame sent to the result received, over DDS.

    python -m benchmark.node

starts `fuse_node` as a process with the shared-memory profile, sends it brackets of three frames
of 1080p one at a time, and takes the time of the fusion, as the node tells it, from the time that
the result took. Writes `benchmark/records/node.json` unless the machine is busy.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ddfnet_ros.evaluation.record import commit_of

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).parent / 'records' / 'node.json'
SIZES = {'1080p': (1080, 1920), '720p': (720, 1280), 'small': (72, 128)}
EXPOSURES = (0.001, 0.004, 0.016)
TOPIC = '/camera/image_raw'
INTERVAL = 0.033  # seconds between two frames
PERIOD_NS = 10**8  # of the stamps of brackets
IDLE_LOAD = 0.3  # processes that run or wait; above, times are not recorded
PATIENCE = 60.0
LIMIT_MS = 25.0  # what is meant to be enough, at 1080p on 2 cores
OUTSIDE = ('stage_ms.wait', 'stage_ms.publish')  # stages that are the node's own


def main() -> int:
    """Measure each output, print the table, write the record."""
    options = _options()
    load = os.getloadavg()[0]
    with environment():
        rows = {output: summary(measure(output, options)) for output in ('image', 'hdr')}
    for output, row in rows.items():
        print(f'{output:6} {options.size}: {row["median"]:.1f} ms median, '
              f'{row["iqr"][0]:.1f} to {row["iqr"][1]:.1f} ms, {row["lost"]} of '
              f'{options.brackets} lost; fusion {row["fusion_median"]:.0f} ms')
    if load > IDLE_LOAD or options.size != '1080p':
        print(f'not recorded: load {load:.2f} before it began, {IDLE_LOAD} is idle; 1080p only')
        return 0
    record = {
        'date': datetime.date.today().isoformat(), 'commit': commit_of(Path(__file__).parent),
        'machine': f'{os.cpu_count()} cores, {platform.machine()}, Python '
                   f'{platform.python_version()}',
        'load': round(load, 2), 'size': options.size, 'model': options.model,
        'brackets': options.brackets, 'limit_ms': LIMIT_MS, 'overhead_ms': rows,
    }
    RECORD.write_text(json.dumps(record, indent=1) + '\n')
    return 0


def measure(output: str, options: argparse.Namespace) -> list[tuple[float, float] | None]:
    """Overhead and time of the fusion of each bracket [ms]; None where nothing came back."""
    import rclpy

    from benchmark.node_peer import Peer

    with running_node(options):
        rclpy.init()
        try:
            peer = Peer(TOPIC, f'/fuse_node/{output}')
            peer.wait_until_matched(PATIENCE)
            frames = textured(SIZES[options.size])
            times = [_bracket(peer, frames, k) for k in range(options.brackets + options.warm_up)]
            peer.destroy_node()
        finally:
            rclpy.shutdown()
    return times[options.warm_up:]


def _bracket(peer, frames: list[np.ndarray], number: int) -> tuple[float, float] | None:
    stamp_ns = 10**9 + number * PERIOD_NS
    for i, pixels in enumerate(frames):
        message = peer.serialised(pixels, stamp_ns + round(i * INTERVAL * 1e9))
        sent = time.monotonic()
        peer.send(message)
        peer.spin_for(INTERVAL if i < len(frames) - 1 else 0)
    came = peer.result(stamp_ns + round(INTERVAL * 1e9), PATIENCE)
    if came is None:
        return None
    told = peer.diagnostics(number + 1, PATIENCE)
    fusion_ms = sum(float(value) for key, value in told.items()
                    if key.startswith('stage_ms.') and key not in OUTSIDE)
    return (came - sent) * 1e3 - fusion_ms, fusion_ms


def summary(times: list[tuple[float, float] | None]) -> dict[str, object]:
    """Median and quartiles of the overhead, median of the fusion [ms], and what got lost."""
    whole = [pair for pair in times if pair is not None]
    overheads = [overhead for overhead, _ in whole]
    low, median, high = statistics.quantiles(overheads, n=4)
    return {
        'median': round(median, 2), 'iqr': [round(low, 2), round(high, 2)],
        'fusion_median': round(statistics.median(fusion for _, fusion in whole), 1),
        'lost': len(times) - len(whole),
    }


def textured(size: tuple[int, int]) -> list[np.ndarray]:
    """A textured picture at three exposures."""
    noise = np.random.default_rng(1).random((size[0] // 8, size[1] // 8, 3))
    truth = np.kron(noise, np.ones((8, 8, 1))) ** 3
    return [(np.clip(truth * t / EXPOSURES[0], 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
            for t in EXPOSURES]


@contextlib.contextmanager
def running_node(
    options: argparse.Namespace, **more: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The node as a process, which ends with the `with`; `more` are further parameters."""
    words = [word for name, value in more.items() for word in ('-p', f'{name}:={value}')]
    with running('fuse_node', '--ros-args', *parameters(options, TOPIC), *words) as node:
        yield node


@contextlib.contextmanager
def running(executable: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """An executable of the package as a process, which ends with the `with`."""
    process = subprocess.Popen(
        [sys.executable, '-m', f'ddfnet_ros.node.{executable}', *words], cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def parameters(options: argparse.Namespace, topic: str) -> list[str]:
    """Those of the node, as words of a command line."""
    values = {
        'image_topics': f'[{topic}]', 'exposure_times': f'[{", ".join(map(str, EXPOSURES))}]',
        'cycle_period': PERIOD_NS * 1e-9, 'model': options.model, 'device': options.device,
        'threads': options.threads, 'diagnostics_period': 0.1,
    }
    return [word for name, value in values.items() for word in ('-p', f'{name}:={value}')]


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """Shared memory for large images, and nobody else's topics."""
    profile = str(ROOT / 'config' / 'fastdds_shm.xml')
    mine = {'FASTRTPS_DEFAULT_PROFILES_FILE': profile, 'FASTDDS_DEFAULT_PROFILES_FILE': profile,
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    yield
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--size', choices=SIZES, default='1080p')
    parser.add_argument('--brackets', type=int, default=30)
    parser.add_argument('--warm-up', type=int, default=3, help='brackets that do not count')
    add_network(parser)
    return parser.parse_args()


def add_network(parser: argparse.ArgumentParser) -> None:
    """Options that choose what fuses."""
    parser.add_argument('--model', default='fast')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=0, help='of the network; 0: all cores')


if __name__ == '__main__':
    sys.exit(main())
