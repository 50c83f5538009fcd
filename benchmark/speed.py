# SPDX-License-Identifier: Apache-2.0
"""Time and memory of the model meant for CPUs, beside OpenCV's exposure fusion.

    python -m benchmark.speed

writes `benchmark/records/speed.json`, from which `make tables` makes the tables of the README and
doc/results.md. Each row is measured in a separate process (`ddfnet bench --json`), on an idle
machine. Two large networks are measured at one size for comparison: ours and AHDRNet, the latter
with untrained weights, which do not change its speed.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ddfnet_ros import network, weights
from ddfnet_ros.evaluation.record import commit_of

RECORD = Path(__file__).parent / 'records' / 'speed.json'
MODEL = 'fast'
SIZES = ('640x360', '1280x720', '1920x1080')
BACKENDS = ('openvino', 'torch')
LARGE = ('denoise', 'ahdrnet')  # these take seconds per call
REPEATS = 3  # timed calls of these


def main() -> None:
    """Measure everything and write the record."""
    rows = [_measure(MODEL, size, '--backend', backend)
            for size in SIZES for backend in BACKENDS]
    with tempfile.TemporaryDirectory() as folder:
        untrained = Path(folder) / f'ahdrnet{weights.SUFFIX}'
        weights.save(network.build({'architecture': 'ahdrnet'}), untrained, {})
        rows += [_measure(str(untrained) if name == untrained.stem else name, SIZES[0],
                           '--repeats', str(REPEATS)) for name in LARGE]
    plain = json.loads(_run_python('-m', 'benchmark.plain_openvino', '--model', LARGE[0]))
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent), 'rows': rows, 'plain_openvino': plain}
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def _measure(model: str, size: str, *options: str) -> dict[str, Any]:
    words = ['bench', '--model', model, '--size', size, *options, '--device', 'cpu', '--json']
    code = f'import sys; from ddfnet_ros.cli import main; sys.exit(main({words}))'
    row: dict[str, Any] = json.loads(_run_python('-c', code))
    return row


def _run_python(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    print(done.stdout.strip())
    return done.stdout


if __name__ == '__main__':
    main()
