# SPDX-License-Identifier: Apache-2.0
"""The doors of the package under broken input, for as long as one likes.

    python -m benchmark.fuzz --seconds 600
    python -m benchmark.fuzz --cases 1000000 --targets image metadata
    python -m benchmark.fuzz --atheris --targets picture  # by coverage; pip install atheris

runs the targets of `benchmark/fuzz_targets.py`, prints a line for each, writes what it found into
`benchmark/records/fuzz.json`, and ends with 1 where something was found.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from hypothesis import HealthCheck, Phase, given, settings

from benchmark.fuzz_targets import TARGETS, Target
from ddfnet_ros.evaluation.record import commit_of

RECORD = Path(__file__).parent / 'records' / 'fuzz.json'
SLOWEST = 5.0  # seconds that one case may take, which no bytes of these sizes justify
_BATCH = 500  # cases between two looks at the clock
_EVERY = list(HealthCheck)


def main(out: TextIO) -> int:
    """Run what the options name and print to `out`; 1 where something was found."""
    options = _options()
    if options.atheris:
        return _guided(TARGETS[options.targets[0]])
    found = {}
    for name in options.targets:
        share = options.seconds / len(options.targets) if options.seconds else None
        row = run(TARGETS[name], options.cases, share)
        found[name] = row
        print(f'{name:11} {row["cases"]:8} cases in {row["seconds"]:.0f} s, slowest '
              f'{row["slowest_ms"]:.0f} ms, peak of memory +{row["growth_mb"]:.0f} MB'
              + (f', FOUND: {row["found"]}' if row['found'] else ''), file=out, flush=True)
    _write(found)
    return int(any(row['found'] for row in found.values()))


def run(target: Target, cases: int, seconds: float | None = None) -> dict[str, Any]:
    """Run one target until so many cases or seconds are over, or something is found.

    Args:
        target: Which.
        cases: At most, about.
        seconds: At most, about; None: no limit.

    Returns:
        cases, seconds, slowest_ms, growth_mb (of the process's peak), found (a line, or '').
    """
    counted = {'cases': 0, 'slowest': 0.0}
    begun, peak, found = time.monotonic(), _peak_mb(), ''
    while counted['cases'] < cases and not found and (
            seconds is None or time.monotonic() - begun < seconds):
        before = counted['cases']
        found = _batch(target, min(_BATCH, cases - before), counted)
        if counted['cases'] == before:  # the strategy has no further case
            break
    return {'cases': counted['cases'], 'seconds': round(time.monotonic() - begun, 1),
            'slowest_ms': round(counted['slowest'] * 1e3, 1),
            'growth_mb': round(_peak_mb() - peak, 1), 'found': found}


def _batch(target: Target, cases: int, counted: dict[str, Any]) -> str:
    """Run some cases with a seed of their own; what was found, smallest case first, or ''."""
    @settings(max_examples=cases, deadline=None, database=None, derandomize=False,
              suppress_health_check=_EVERY, phases=(Phase.generate, Phase.shrink),
              print_blob=True, report_multiple_bugs=False)
    @given(target.strategy)
    def check(case: Any) -> None:
        counted['cases'] += 1
        begun = time.monotonic()
        try:
            target.check(case)
        finally:
            counted['slowest'] = max(counted['slowest'], time.monotonic() - begun)

    try:
        check()
    except Exception as error:  # whatever it is, it was found
        notes = ' '.join(getattr(error, '__notes__', ()))
        return f'{type(error).__name__}: {error} {" ".join(notes.split())}'[:2000]
    slow = counted['slowest'] > SLOWEST
    return f'a case that took {counted["slowest"]:.1f} s' if slow else ''


def _guided(target: Target) -> int:
    """Hand one target to atheris, which ends the process itself."""
    try:
        import atheris  # noqa: PLC0415  (optional, and only built for some Pythons)
    except ImportError:
        sys.exit('expected atheris to be installed, got none; pip install atheris, or leave out '
                 '--atheris')
    check = settings(deadline=None, database=None, suppress_health_check=_EVERY)(
        given(target.strategy)(target.check))
    atheris.instrument_all()
    atheris.Setup(sys.argv[:1], atheris.instrument_func(check.hypothesis.fuzz_one_input))
    atheris.Fuzz()
    return 0


def _write(found: dict[str, Any]) -> None:
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent),
              'cases': sum(row['cases'] for row in found.values()), 'targets': found}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--targets', nargs='+', choices=TARGETS, default=list(TARGETS))
    parser.add_argument('--cases', type=int, default=1_000_000, help='of each target, at most')
    parser.add_argument('--seconds', type=float, default=0.0, help='in all; 0: no limit')
    parser.add_argument('--atheris', action='store_true', help='guided by coverage, one target')
    return parser.parse_args()


@contextlib.contextmanager
def _alone() -> Iterator[TextIO]:
    """A stdout for ourselves: what libraries print about broken files goes nowhere."""
    saved = [os.dup(1), os.dup(2)]
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(sink, stream)
    try:
        yield os.fdopen(os.dup(saved[0]), 'w', encoding='utf-8')
    finally:
        for stream, before in zip((1, 2), saved, strict=True):
            os.dup2(before, stream)


if __name__ == '__main__':
    with _alone() as terminal:
        code = main(terminal)
    sys.exit(code)
