# SPDX-License-Identifier: Apache-2.0
"""One door under atheris: bytes that reach new lines of ours are kept and changed further.

    python -m benchmark.fuzz_guided picture --seconds 60 --row row.json

`benchmark.fuzz --atheris` starts this in a separate process per target, because libFuzzer ends the
process when it finds a fault. In that case no row may be written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=['ddfnet_ros', 'rosbags']):
    from benchmark.fuzz import peak_mb
    from benchmark.fuzz_bytes import PARSERS, seeds
    from benchmark.fuzz_targets import TARGETS

_LONGEST = 1 << 14  # limit of a case [bytes]; the seeds are shorter
_HANG = 300.0  # time limit of a case [s], on a machine that may be busy
_MEMORY_MB = 4096  # limit of the process's memory, torch included


def main() -> None:
    """Fuzz one target until its time is over; does not return."""
    options = _options()
    folder = options.row.parent
    corpus = folder / 'corpus'
    corpus.mkdir()
    for number, content in enumerate(seeds(options.target)):
        (corpus / f'seed_{number}').write_bytes(content)
        # Imports at the first case would take longer than a case may.
        TARGETS[options.target].check(PARSERS[options.target](content))
    words = [f'-max_len={_LONGEST}', f'-timeout={_HANG:.0f}', f'-rss_limit_mb={_MEMORY_MB}',
             f'-artifact_prefix={folder}/', str(corpus)]
    atheris.Setup([sys.argv[0], *words], _make_test(options))
    atheris.Fuzz()


def _make_test(options: argparse.Namespace) -> Callable[[bytes], None]:
    """Make the function that libFuzzer calls per case; it ends the process after the time."""
    parse, check = PARSERS[options.target], TARGETS[options.target].check
    row: dict[str, Any] = {'cases': 0, 'slowest_ms': 0.0, 'found': ''}
    begun, peak = time.monotonic(), peak_mb()

    def write() -> None:
        row.update(seconds=round(time.monotonic() - begun, 1),
                   growth_mb=round(peak_mb() - peak, 1))
        options.row.write_text(json.dumps(row))

    def test(content: bytes) -> None:
        row['cases'] += 1
        case, started = parse(content), time.process_time()
        try:
            check(case)
        except BaseException as error:
            row['found'] = f'{type(error).__name__}: {error} with {case!r}'[:2000]
            write()
            raise
        took = time.process_time() - started
        row['slowest_ms'] = max(row['slowest_ms'], round(took * 1e3, 1))
        if time.monotonic() - begun > options.seconds:
            write()
            os._exit(0)  # libFuzzer cannot be stopped otherwise

    return test


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('target', choices=TARGETS)
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--row', type=Path, required=True, help='JSON file for what came of it, '
                        'in a folder for what is kept meanwhile')
    return parser.parse_args()


if __name__ == '__main__':
    main()
