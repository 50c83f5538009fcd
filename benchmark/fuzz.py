# SPDX-License-Identifier: Apache-2.0
"""The doors of the package under broken input, for as long as one likes.

    python -m benchmark.fuzz --seconds 600
    python -m benchmark.fuzz --cases 1000000 --targets image metadata
    python -m benchmark.fuzz --atheris --seconds 600  # by coverage; pip install atheris

runs the targets of `benchmark/fuzz_targets.py` and prints a line for each. Each result replaces
that of the same target and engine in `benchmark/records/fuzz.json`. The exit code is 1 if a fault
was found.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.util
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from hypothesis import HealthCheck, Phase, given, settings

from benchmark.fuzz_targets import TARGETS, Target
from ddfnet_ros.evaluation.record import commit_of

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).parent / 'records' / 'fuzz.json'
SLOWEST = 5.0  # seconds of CPU time; a slower case is a fault
_BATCH = 500  # cases between two checks of the time
_EVERY = list(HealthCheck)


def main(out: TextIO) -> int:
    """Run the chosen targets and print to `out`; returns 1 if a fault was found."""
    options = _options()
    engine = 'atheris' if options.atheris else 'hypothesis'
    if options.atheris and importlib.util.find_spec('atheris') is None:
        print('expected atheris to be installed, got none; pip install atheris, or leave out '
              '--atheris', file=out)
        return 2
    broken, share = False, options.seconds / len(options.targets)
    for name in options.targets:
        about = {'date': datetime.date.today().isoformat(),
                 'commit': commit_of(Path(__file__).parent)}
        row = run_guided(name, share) if options.atheris else run(
            TARGETS[name], options.cases, share or None)
        print(f'{name:11} {row["cases"]:8} cases in {row["seconds"]:.0f} s, slowest '
              f'{row["slowest_ms"]:.0f} ms, peak of memory +{row["growth_mb"]:.0f} MB'
              + (f', FOUND: {row["found"]}' if row['found'] else ''), file=out, flush=True)
        _write(name, engine, about | row)
        broken |= bool(row['found'])
    return int(broken)


def run(target: Target, cases: int, seconds: float | None = None) -> dict[str, Any]:
    """Run one target until a limit is reached or a fault is found.

    Args:
        target: The target.
        cases: Approximate limit of cases.
        seconds: Approximate time limit; None: no limit.

    Returns:
        cases, seconds, slowest_ms (CPU time), growth_mb (of the process's peak memory), found
        (description of the fault, or '').
    """
    counted = {'cases': 0, 'slowest': 0.0}
    begun, peak, found = time.monotonic(), peak_mb(), ''
    while counted['cases'] < cases and not found and (
            seconds is None or time.monotonic() - begun < seconds):
        before = counted['cases']
        found = _run_batch(target, min(_BATCH, cases - before), counted)
        if counted['cases'] == before:  # the strategy has no further case
            break
    return {'cases': counted['cases'], 'seconds': round(time.monotonic() - begun, 1),
            'slowest_ms': round(counted['slowest'] * 1e3, 1),
            'growth_mb': round(peak_mb() - peak, 1), 'found': found}


def _run_batch(target: Target, cases: int, counted: dict[str, Any]) -> str:
    """Run some cases with a new seed; returns the fault with its smallest case, or ''."""
    @settings(max_examples=cases, deadline=None, database=None, derandomize=False,
              suppress_health_check=_EVERY, phases=(Phase.generate, Phase.shrink),
              print_blob=True, report_multiple_bugs=False)
    @given(target.strategy)
    def check(case: Any) -> None:
        counted['cases'] += 1
        begun = time.process_time()  # not wall time: the machine may be busy
        try:
            target.check(case)
        finally:
            counted['slowest'] = max(counted['slowest'], time.process_time() - begun)

    try:
        check()
    except Exception as error:  # any exception is a fault
        notes = ' '.join(getattr(error, '__notes__', ()))
        return f'{type(error).__name__}: {error} {" ".join(notes.split())}'[:2000]
    slow = counted['slowest'] > SLOWEST
    return f'a case that took {counted["slowest"]:.1f} s' if slow else ''


def run_guided(name: str, seconds: float) -> dict[str, Any]:
    """Run one target with atheris in a separate process; returns a row like `run`.

    Args:
        name: Name of the target.
        seconds: Time limit; 0: ten minutes.
    """
    folder = Path(tempfile.mkdtemp(prefix='ddfnet_found_'))  # kept if a fault is found
    path = folder / 'row.json'
    ended = subprocess.run(
        [sys.executable, '-m', 'benchmark.fuzz_guided', name, '--seconds', str(seconds or 600),
         '--row', str(path)], check=False, cwd=ROOT, env=os.environ | {'TMPDIR': str(folder)})
    empty = {'cases': 0, 'seconds': 0.0, 'slowest_ms': 0.0, 'growth_mb': 0.0, 'found': ''}
    row: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else empty
    if ended.returncode and not row['found']:  # a crash, a hang, or too much memory
        row['found'] = f'the process ended with {ended.returncode}; the case is in {folder}'
    if not row['found']:
        shutil.rmtree(folder)
    return row


def _write(name: str, engine: str, row: dict[str, Any]) -> None:
    RECORD.parent.mkdir(exist_ok=True)
    targets = json.loads(RECORD.read_text())['targets'] if RECORD.is_file() else {}
    targets.setdefault(name, {})[engine] = row
    record = {'machine': f'{os.cpu_count()} cores, {platform.machine()}',
              'cases': sum(row['cases'] for rows in targets.values() for row in rows.values()),
              'targets': targets}
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def peak_mb() -> float:
    """Peak resident memory of this process [MiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--targets', nargs='+', choices=TARGETS, default=list(TARGETS))
    parser.add_argument('--cases', type=int, default=1_000_000, help='of each target, at most')
    parser.add_argument('--seconds', type=float, default=0.0, help='in all; 0: no limit, with '
                        'atheris ten minutes each')
    parser.add_argument('--atheris', action='store_true', help='guided by coverage')
    return parser.parse_args()


@contextlib.contextmanager
def _silence_libraries() -> Iterator[TextIO]:
    """Silence what libraries print about broken files; yields the real stdout."""
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
    with _silence_libraries() as terminal:
        code = main(terminal)
    sys.exit(code)
