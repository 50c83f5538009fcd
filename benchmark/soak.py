# SPDX-License-Identifier: Apache-2.0
"""What promises of months are worth: long runs, each of which breaks a promise or leaves figures.

    python -m benchmark.soak                      # all of them, in full: an hour and a half
    python -m benchmark.soak load --minutes 60    # 3 x 1080p at 30 Hz
    python -m benchmark.soak road --minutes 10    # small frames, lost, doubled, reordered
    python -m benchmark.soak transitions          # 1000 of the life cycle, in random order
    python -m benchmark.soak loops                # a bag that is played 100 times
    python -m benchmark.soak brackets             # 10 000 in process, with tracemalloc; no ROS

Each run replaces its part of `benchmark/records/soak.json`. The exit code is 1 if a promise of
doc/reliability.md was broken.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark import soak_brackets, soak_faults, soak_load
from benchmark.node import SIZES, add_network, environment
from ddfnet_ros.evaluation.record import commit_of

RECORD = Path(__file__).parent / 'records' / 'soak.json'
Result = dict[str, Any]
RUNS: dict[str, Callable[[argparse.Namespace], Result]] = {
    'load': soak_load.load, 'road': soak_load.road, 'transitions': soak_faults.transitions,
    'loops': soak_faults.loops, 'brackets': soak_brackets.brackets}


def main() -> int:
    """Carry out the chosen runs and write the record; returns 1 if a promise was broken."""
    options = _options()
    broken = False
    for name in options.runs:
        about = {'date': datetime.date.today().isoformat(),
                 'commit': commit_of(Path(__file__).parent),
                 'machine': f'{os.cpu_count()} cores, {platform.machine()}',
                 'load_before': round(os.getloadavg()[0], 2), 'model': options.model,
                 'device': options.device}
        with environment():
            found = RUNS[name](options)
        print(json.dumps({name: {k: v for k, v in found.items() if k != 'series'}}, indent=1),
              flush=True)
        _write(name, about | {'load_after': round(os.getloadavg()[0], 2)} | found)
        broken |= bool(found['broken'])
    return int(broken)


def _write(name: str, run: Result) -> None:
    RECORD.parent.mkdir(exist_ok=True)
    record = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    RECORD.write_text(json.dumps(record | {name: run}, indent=1) + '\n')


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('runs', nargs='*', metavar='RUN', help=f'of {", ".join(RUNS)}; all')
    parser.add_argument('--minutes', type=float, help='of load (60) and road (10)')
    parser.add_argument('--count', type=int,
                        help='of transitions (1000), loops (100) or brackets (10000)')
    parser.add_argument('--size', choices=SIZES, help='of the frames: 1080p for load, else small')
    parser.add_argument('--every', type=float, default=5.0, help='seconds between two samples')
    parser.add_argument('--warm-up', type=float, default=0.1, help='share of the samples')
    parser.add_argument('--lost', type=float, default=0.1, help='share of the frames of road')
    parser.add_argument('--doubled', type=float, default=0.05, help='share of the frames of road')
    parser.add_argument('--reordered', type=float, default=0.05, help='share of the turns of road')
    add_network(parser)
    options = parser.parse_args()
    options.runs = options.runs or list(RUNS)
    if unknown := set(options.runs) - set(RUNS):
        parser.error(f'expected runs of {", ".join(RUNS)}, got {", ".join(sorted(unknown))}')
    return options


if __name__ == '__main__':
    sys.exit(main())
