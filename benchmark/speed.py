# SPDX-License-Identifier: Apache-2.0
"""Time and memory of the model meant for CPUs, beside OpenCV's exposure fusion.

    python -m benchmark.speed

writes `benchmark/records/speed.json`, of which `make tables` makes the README's table. Each size
is measured in a process of its own (`ddfnet bench --json`), on a machine that does nothing else.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ddfnet_ros.evaluation.record import commit_of

RECORD = Path(__file__).parent / 'records' / 'speed.json'
MODEL = 'fast'  # others need minutes for a picture there
SIZES = ('640x360', '1280x720', '1920x1080')
BACKENDS = ('openvino', 'torch')


def main() -> None:
    """Measure everything and write the record."""
    rows = [_measured(size, backend) for size in SIZES for backend in BACKENDS]
    record = {'date': datetime.date.today().isoformat(),
              'commit': commit_of(Path(__file__).parent), 'rows': rows}
    RECORD.write_text(json.dumps(record, indent=1) + '\n')


def _measured(size: str, backend: str) -> dict[str, Any]:
    words = ['bench', '--model', MODEL, '--size', size, '--backend', backend, '--device', 'cpu',
             '--json']
    code = f'import sys; from ddfnet_ros.cli import main; sys.exit(main({words}))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    print(done.stdout.strip())
    row: dict[str, Any] = json.loads(done.stdout)
    return row


if __name__ == '__main__':
    main()
