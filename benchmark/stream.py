# SPDX-License-Identifier: Apache-2.0
"""The node under a camera that never stops: what comes out, how old it is, and of which frames.

    python -m benchmark.stream --rate 90 --device cuda

sends frames on one topic at a fixed rate and subscribes to `~/image`. The age of a result is the
time from handing the last frame of its bracket to DDS until the subscriber's DDS has the result.
`~/bracket_info` lists the frames of each result; none may mix two brackets. Writes
`benchmark/records/stream.json`, or `gpu_stream.json`, unless the machine is busy.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray

from benchmark.node import (
    EXPOSURES,
    PATIENCE,
    SIZES,
    add_network,
    environment,
    running_node,
    textured,
    to_be_recorded,
)
from benchmark.node import TOPIC as IMAGES
from benchmark.node_peer import Peer
from ddfnet_ros.evaluation.record import commit_of
from ddfnet_ros.runtime.machine import hardware

RECORDS = Path(__file__).parent / 'records'
FIRST_NS = 10**9  # stamp of the first frame
BIN_MS = 5
TAIL = 2.0  # seconds to wait for the last results


class Viewer(Peer):
    """A peer that also notes which frames each result is made of.

    Attributes:
        members: Stamps of the frames of each result [ns].
    """

    def __init__(self) -> None:
        super().__init__(IMAGES, '/fuse_node/image')
        self.create_subscription(DiagnosticArray, '/fuse_node/bracket_info', self._on_info, 10)
        self.members: list[list[int]] = []

    def _on_info(self, array: DiagnosticArray) -> None:
        self.members.append([
            int(value.value.replace('.', '')) for value in array.status[0].values
            if value.key.endswith('.stamp')])


def main() -> int:
    """Measure, print, write the record."""
    options = _options()
    if options.device != 'cpu' and not torch.cuda.is_available():
        print('no GPU here: nothing is measured')
        return 0
    load = os.getloadavg()[0]
    with environment():
        row = measure(options)
    print(row)
    if not to_be_recorded(load, options):
        return 0
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent), 'device': hardware(options.device),
              'cores': os.cpu_count(), 'load': round(load, 2), 'model': options.model,
              'size': options.size, 'rate': options.rate, 'seconds': options.seconds, **row}
    name = 'stream' if options.device == 'cpu' else 'gpu_stream'
    (options.records / f'{name}.json').write_text(json.dumps(record, indent=1) + '\n')
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Stream for the chosen time; results and their ages for brackets after the warm-up."""
    period = len(EXPOSURES) / options.rate
    offset = math.fmod(FIRST_NS * 1e-9, period)
    with running_node(options, cycle_period=period, cycle_offset=offset):
        rclpy.init()
        try:
            viewer = Viewer()
            viewer.wait_until_matched(PATIENCE)
            sent = play(viewer, textured(SIZES[options.size]), options)
            viewer.destroy_node()
        finally:
            rclpy.shutdown()
    ages = [(viewer.reached_dds_at[stamp] - at) * 1e-6 for stamp, at in sent.items()
            if stamp in viewer.reached_dds_at]
    return {'brackets_sent': len(sent), 'results': len(ages),
            'results_per_second': round(len(ages) / options.seconds, 2),
            'mixed': sum(mixed(stamps, options.rate) for stamps in viewer.members),
            'age_ms': summary(ages)}


def play(viewer: Viewer, frames: list[np.ndarray], options: argparse.Namespace) -> dict[int, int]:
    """Send frames at a fixed rate; returns when each bracket's last frame was sent.

    Times are by the wall clock [ns], like those of DDS, and keyed by the reference's stamp [ns].
    Brackets of the warm-up are left out.
    """
    begun, sent = time.monotonic(), {}
    warm, count = (round(s * options.rate) for s in (
        options.warm_up, options.warm_up + options.seconds))
    reference, last = len(frames) // 2, len(frames) - 1
    for number in range(count // len(frames) * len(frames)):
        viewer.spin_for(begun + number / options.rate - time.monotonic())
        place = number % len(frames)
        viewer.send(viewer.serialised(frames[place], stamp_of(number, options.rate)))
        if place == last and number >= warm:
            sent[stamp_of(number - last + reference, options.rate)] = time.time_ns()
    viewer.spin_for(TAIL)
    return sent


def stamp_of(number: int, rate: float) -> int:
    """Stamp of a frame by its number [ns]."""
    return FIRST_NS + round(number / rate * 1e9)


def mixed(stamps: list[int], rate: float) -> bool:
    """Whether the frames of a result are not exactly those of one bracket."""
    numbers = {round((stamp - FIRST_NS) * 1e-9 * rate) for stamp in stamps}
    turns = {number // len(EXPOSURES) for number in numbers}
    return len(turns) > 1 or len(numbers) < len(EXPOSURES)


def summary(ages: list[float]) -> dict[str, Any]:
    """Percentiles of the ages [ms], and their histogram by the upper edge of each bin."""
    if len(ages) < 2:
        return {}
    cuts = statistics.quantiles(ages, n=100)
    bins = Counter(int(age // BIN_MS + 1) * BIN_MS for age in ages)
    return {**{f'p{p}': round(cuts[p - 1], 1) for p in (5, 25, 50, 75, 95, 99)},
            'histogram': {str(top): bins[top] for top in sorted(bins)}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--size', choices=SIZES, default='1080p')
    parser.add_argument('--rate', type=float, default=90.0, help='frames per second')
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--warm-up', type=float, default=3.0, help='seconds that do not count')
    parser.add_argument('--records', type=Path, default=RECORDS, help='folder to write')
    add_network(parser)
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
