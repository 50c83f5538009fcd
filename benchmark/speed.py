# SPDX-License-Identifier: Apache-2.0
"""Time and memory of the model meant for CPUs, beside OpenCV's exposure fusion.

    python -m benchmark.speed

writes `benchmark/records/speed.json`, of which `make tables` makes the README's table and that of
doc/results.md. Each row is measured in a process of its own (`ddfnet bench --json`), on a machine
that does nothing else. The large networks are there for comparison, at one size: ours, and AHDRNet
with weights that nobody has trained, which take as long as any.
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
LARGE = ('denoise', 'ahdrnet')  # seconds for a picture
REPEATS = 3  # of those


def main() -> None:
    """Measure everything and write the record."""
    rows = [_measured(MODEL, size, '--backend', backend)
            for size in SIZES for backend in BACKENDS]
    with tempfile.TemporaryDirectory() as folder:
        untrained = Path(folder) / f'ahdrnet{weights.SUFFIX}'
        weights.save(network.build({'architecture': 'ahdrnet'}), untrained, {})
        rows += [_measured(str(untrained) if name == untrained.stem else name, SIZES[0],
                           '--repeats', str(REPEATS)) for name in LARGE]
    plain = json.loads(_said('-m', 'benchmark.plain_openvino', '--model', LARGE[0]))
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent), 'rows': rows, 'plain_openvino': plain}
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def _measured(model: str, size: str, *options: str) -> dict[str, Any]:
    words = ['bench', '--model', model, '--size', size, *options, '--device', 'cpu', '--json']
    code = f'import sys; from ddfnet_ros.cli import main; sys.exit(main({words}))'
    row: dict[str, Any] = json.loads(_said('-c', code))
    return row


def _said(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    print(done.stdout.strip())
    return done.stdout


if __name__ == '__main__':
    main()
