# SPDX-License-Identifier: Apache-2.0
"""What the node adds to the network: from the last frame sent to the result received, over DDS.

    python -m benchmark.node

starts `fuse_node` as a process with the shared-memory profile and sends it brackets of three 1080p
frames, one at a time. The overhead is the latency minus the fusion time that the node reports. It
is measured twice: until DDS has the result in the subscribing process, which is what the node is
responsible for, and until the Python callback there has it. Writes `benchmark/records/node.json`
unless the machine is busy.
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
from typing import Any, NamedTuple

import numpy as np

from ddfnet_ros.evaluation.record import commit_of
from ddfnet_ros.radiance import GAMMA

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).parent / 'records' / 'node.json'
SIZES = {'1080p': (1080, 1920), '720p': (720, 1280), 'small': (72, 128)}
EXPOSURES = (0.001, 0.004, 0.016)
TOPIC = '/camera/image_raw'
INTERVAL = 0.033  # seconds between two frames
PERIOD_NS = 10**8  # between the stamps of two brackets
IDLE_LOAD = 0.3  # load average above which times are not recorded
PATIENCE = 60.0
LIMIT_MS = 25.0  # target for the overhead from DDS to DDS, at 1080p on 2 cores
# Stages that belong to the node, not to the fusion.
OUTSIDE = ('stage_ms.decode', 'stage_ms.wait', 'stage_ms.queue', 'stage_ms.publish')


class Times(NamedTuple):
    """Times of one bracket [ms].

    Attributes:
        to_dds: Time from handing the last frame to DDS until the subscriber's DDS has the result,
            minus the fusion.
        to_python: The same until the subscriber's callback has the result.
        publishing: Time in which the node makes the message and hands it to DDS.
        fusion: Time of the fusion.
    """

    to_dds: float
    to_python: float
    publishing: float
    fusion: float


def main() -> int:
    """Measure each output, print the table, write the record."""
    options = _options()
    load = os.getloadavg()[0]
    with environment():
        rows = {output: summary(measure(output, options)) for output in ('image', 'hdr')}
    for output, row in rows.items():
        print(f'{output:6} {options.size}: {row["to_dds"]["median"]:.1f} ms median until DDS has '
              f'it, {row["to_python"]["median"]:.1f} ms until Python has it; publishing '
              f'{row["publishing"]["median"]:.1f} ms, fusion {row["fusion"]["median"]:.0f} ms; '
              f'{row["lost"]} of {options.brackets} lost')
    if not to_be_recorded(load, options) or options.size != '1080p':
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


def to_be_recorded(load: float, options: argparse.Namespace) -> bool:
    """Whether the machine was idle or `--busy` is given; prints a note if not."""
    if load > IDLE_LOAD and not options.busy:
        print(f'not recorded: load {load:.2f} before it began, {IDLE_LOAD} is idle')
        return False
    return True


def measure(output: str, options: argparse.Namespace) -> list[Times | None]:
    """Measure the times of each bracket; None where no result arrived."""
    import rclpy

    from benchmark.node_peer import Peer

    with running_node(options):
        rclpy.init()
        try:
            peer = Peer(TOPIC, f'/fuse_node/{output}')
            peer.wait_until_matched(PATIENCE)
            frames = textured(SIZES[options.size])
            times = [_time_bracket(peer, frames, k)
                     for k in range(options.brackets + options.warm_up)]
            peer.destroy_node()
        finally:
            rclpy.shutdown()
    return times[options.warm_up:]


def _time_bracket(peer, frames: list[np.ndarray], number: int) -> Times | None:
    stamp_ns = 10**9 + number * PERIOD_NS
    for i, pixels in enumerate(frames):
        message = peer.serialised(pixels, stamp_ns + round(i * INTERVAL * 1e9))
        sent, sent_ns = time.monotonic(), time.time_ns()
        peer.send(message)
        peer.spin_for(INTERVAL if i < len(frames) - 1 else 0)
    reference_ns = stamp_ns + round(INTERVAL * 1e9)
    if not peer.wait_for_result(reference_ns, PATIENCE):
        return None
    diagnostics = peer.wait_for_diagnostics(number + 1, PATIENCE)
    fusion_ms = sum(float(value) for key, value in diagnostics.items()
                    if key.startswith('stage_ms.') and key not in OUTSIDE)
    return Times(to_dds=(peer.reached_dds_at[reference_ns] - sent_ns) * 1e-6 - fusion_ms,
                 to_python=(peer.received_at[reference_ns] - sent) * 1e3 - fusion_ms,
                 publishing=float(diagnostics['stage_ms.publish']), fusion=fusion_ms)


def summary(times: list[Times | None]) -> dict[str, Any]:
    """Median and quartiles of each time [ms], and the number of lost brackets."""
    complete = [bracket for bracket in times if bracket is not None]
    rows: dict[str, Any] = {'lost': len(times) - len(complete)}
    for name, values in zip(Times._fields, zip(*complete, strict=True), strict=True):
        low, median, high = statistics.quantiles(values, n=4)
        rows[name] = {'median': round(median, 2), 'iqr': [round(low, 2), round(high, 2)]}
    return rows


def textured(size: tuple[int, int]) -> list[np.ndarray]:
    """Frames (H, W, 3) of a textured scene at three exposures, 8 bits."""
    noise = np.random.default_rng(1).random((size[0] // 8, size[1] // 8, 3))
    truth = np.kron(noise, np.ones((8, 8, 1))) ** 3
    return [(np.clip(truth * t / EXPOSURES[0], 0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)
            for t in EXPOSURES]


@contextlib.contextmanager
def running_node(
    options: argparse.Namespace, **more: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the node as a process within the `with`; `more` are further ROS parameters."""
    words = [word for name, value in more.items() for word in ('-p', f'{name}:={value}')]
    with running('fuse_node', '--ros-args', *parameters(options, TOPIC), *words) as node:
        yield node


@contextlib.contextmanager
def running(executable: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an executable of the package as a process within the `with`."""
    process = subprocess.Popen(
        [sys.executable, '-m', f'ddfnet_ros.node.{executable}', *words], cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def parameters(options: argparse.Namespace, topic: str) -> list[str]:
    """The node's ROS parameters as command-line arguments."""
    values = {
        'image_topics': f'[{topic}]', 'exposure_times': f'[{", ".join(map(str, EXPOSURES))}]',
        'cycle_period': PERIOD_NS * 1e-9, 'model': options.model, 'device': options.device,
        'threads': options.threads, 'diagnostics_period': 0.1,
    }
    return [word for name, value in values.items() for word in ('-p', f'{name}:={value}')]


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """Environment of the processes: shared memory for images, no topics of other machines."""
    profile = str(ROOT / 'config' / 'fastdds_shm.xml')
    mine = {'FASTRTPS_DEFAULT_PROFILES_FILE': profile, 'FASTDDS_DEFAULT_PROFILES_FILE': profile,
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
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
    """Add the options for the model, and the one that allows recording on a busy machine."""
    parser.add_argument('--model', default='fast')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=0, help='of the network; 0: all cores')
    parser.add_argument('--busy', action='store_true',
                        help='record although others use the machine; the load is noted')


if __name__ == '__main__':
    sys.exit(main())
