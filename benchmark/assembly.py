# SPDX-License-Identifier: Apache-2.0
"""Count the brackets that are assembled, and those that are mixed, under transport faults.

    python -m benchmark.assembly

writes `benchmark/records/assembly.json` and prints it as tables, one for a bracket per cycle and
one for sliding windows. If message_filters is installed, its ApproximateTimeSynchronizer runs on
the same frames, with one topic per exposure.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from benchmark.camera import Camera, Channel, Shot, Verdict, assemble, judge, modes
from ddfnet_ros.evaluation.record import commit_of

try:
    from message_filters import ApproximateTimeSynchronizer, SimpleFilter
    from rclpy.time import Time
except ImportError:  # part of a ROS distribution only
    ApproximateTimeSynchronizer = None

RECORD = Path(__file__).parent / 'records' / 'assembly.json'
BRACKETS, RUNS = 300, 5
SLOP = 0.023  # seconds: two of the three intervals of a cycle
PEER = 'message_filters'
STEADY = Camera()  # 3 exposures, 11 ms apart, every 33 ms
PAUSING = Camera(spread=0.6)  # for the mode gap: frames 6.6 ms apart, then a pause
SHOWN = ('metadata and counter', 'metadata', 'counter', 'topic', 'phase', 'gap', PEER)
ROWS = {
    'no drops': Channel(),
    '1 % lost': Channel(lost=0.01),
    '5 % lost': Channel(lost=0.05),
    '30 % lost': Channel(lost=0.3),
    'joins after 1 frame': Channel(joined=1),
    'joins after 2 frames': Channel(joined=2),
    '10 % reordered': Channel(reordered=0.1),
    '1 % very late': Channel(delayed=0.01),
    '5 % doubled': Channel(doubled=0.05),
    'bag played 5 times': Channel(rounds=5),
    'all of it': Channel(lost=0.01, reordered=0.05, delayed=0.005, doubled=0.02, joined=1,
                         rounds=5),
}
JITTER = 0.3  # largest error of the stamps, in intervals between frames
JITTERY_ROWS = {
    'stamps jitter by 30 %': Channel(),
    'the same, 5 % lost': Channel(lost=0.05),
}


def main() -> None:
    """Run all faults and modes, print the tables, write the record."""
    record = {
        'date': datetime.date.today().isoformat(),
        'commit': commit_of(Path(__file__).parent),
        'brackets': BRACKETS * RUNS,
        'columns': 'sets that came out, sets that mix brackets, complete brackets, those emitted',
        'rows': _measure_window('cycle'),
        'sliding': _measure_window('sliding'),
    }
    RECORD.parent.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1)
    RECORD.write_text(re.sub(r'(?<=[\[\d,])\s+(?=[\d\]])', ' ', text) + '\n')  # one line per cell
    print('\n'.join(table(record['rows'], SHOWN)))
    print('\n'.join(table(record['sliding'], SHOWN[:-1])))


def _measure_window(window: str) -> dict[str, dict[str, list[int]]]:
    return ({name: _measure_channel(channel, 0.0, window) for name, channel in ROWS.items()}
            | {name: _measure_channel(channel, JITTER, window)
               for name, channel in JITTERY_ROWS.items()})


def _measure_channel(channel: Channel, jitter: float, window: str) -> dict[str, list[int]]:
    steady, pausing = (dataclasses.replace(c, jitter=jitter) for c in (STEADY, PAUSING))
    cells = {}
    for source in modes(steady):
        camera = pausing if source == 'gap' else steady
        cells[source] = _add_verdicts(
            assemble(modes(camera, window)[source], camera, shots)
            for shots in _simulate(channel, camera))
    if ApproximateTimeSynchronizer is not None and window == 'cycle':
        cells[PEER] = _add_verdicts(_synchronize(shots) for shots in _simulate(channel, steady))
    return cells


def _simulate(channel: Channel, camera: Camera) -> Iterator[list[Shot]]:
    for seed in range(RUNS):
        rng = random.Random(seed)
        shots = camera.shoot(BRACKETS // channel.rounds, rng)
        yield channel.travel(shots, camera.size, rng)


def _add_verdicts(verdicts: Iterator[Verdict]) -> list[int]:
    return [sum(column) for column in zip(*map(dataclasses.astuple, verdicts), strict=True)]


def _synchronize(shots: Sequence[Shot]) -> Verdict:
    """Run ApproximateTimeSynchronizer over the frames that arrived."""
    topics = [SimpleFilter() for _ in STEADY.exposures]
    sets: list[frozenset[int]] = []
    synchronizer = ApproximateTimeSynchronizer(topics, queue_size=10, slop=SLOP)
    synchronizer.registerCallback(
        lambda *messages: sets.append(frozenset(message.name for message in messages)))
    for shot in shots:
        header = SimpleNamespace(stamp=Time(nanoseconds=shot.stamp_ns))
        topics[shot.place].signalMessage(SimpleNamespace(header=header, name=shot.bracket))
    return judge(sets, shots, STEADY.size)


def table(rows: dict[str, dict[str, list[int]]], sources: Sequence[str]) -> list[str]:
    """Markdown table of some modes: mixed brackets, and share of complete ones assembled."""
    lines = ['| | ' + ' | '.join(sources) + ' |', '|---' * (len(sources) + 1) + '|']
    for name, verdicts in rows.items():
        cells = ' | '.join(_cell(verdicts.get(source)) for source in sources)
        lines.append(f'| {name} | {cells} |')
    return lines


def _cell(verdict: list[int] | None) -> str:
    if verdict is None:
        return '-'
    _, mixed, complete, emitted = verdict
    return f'{mixed} / {100 * emitted / complete:.1f} %'


if __name__ == '__main__':
    main()
