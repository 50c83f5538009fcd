# SPDX-License-Identifier: Apache-2.0
"""The node under a camera that never stops: what comes out, how old it is, and of which frames.

    python -m benchmark.stream --rate 90 --device cuda

sends frames of one topic at their pace and takes `~/image`; how old a result is counts from the
last frame of its bracket given to DDS to the subscriber's DDS. `~/bracket_info` tells which frames
each was made of: none may be of two brackets. Writes `benchmark/records/stream.json`, or
`gpu_stream.json`, unless the machine is busy.
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
TAIL = 2.0  # seconds in which the last results may come


class Viewer(Peer):
    """Also notes which frames each result was made of.

    Attributes:
        members: Their stamps [ns], of each result.
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
    """What became of the brackets that were sent after the warm-up."""
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
    ages = [(viewer.reached[stamp] - at) * 1e-6 for stamp, at in sent.items()
            if stamp in viewer.reached]
    return {'brackets_sent': len(sent), 'results': len(ages),
            'results_per_second': round(len(ages) / options.seconds, 2),
            'mixed': sum(mixed(stamps, options.rate) for stamps in viewer.members),
            'age_ms': summary(ages)}


def play(viewer: Viewer, frames: list[np.ndarray], options: argparse.Namespace) -> dict[int, int]:
    """Send frames at their pace; gives when brackets were whole, by the stamp of the reference.

    Those of the warm-up are sent, but not told. By the wall clock [ns], as DDS tells its times.
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
    """Of a frame [ns]."""
    return FIRST_NS + round(number / rate * 1e9)


def mixed(stamps: list[int], rate: float) -> bool:
    """Whether frames are not those of one turn of the camera."""
    numbers = {round((stamp - FIRST_NS) * 1e-9 * rate) for stamp in stamps}
    turns = {number // len(EXPOSURES) for number in numbers}
    return len(turns) > 1 or len(numbers) < len(EXPOSURES)


def summary(ages: list[float]) -> dict[str, Any]:
    """Quantiles, and how many were up to so old [ms]."""
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
