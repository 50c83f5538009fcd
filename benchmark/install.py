# SPDX-License-Identifier: Apache-2.0
"""What `make demo` downloads for its environment, and what then lies on the disk.

    python3 requirements/install.py /tmp/venv
    /tmp/venv/bin/python -m benchmark.install /tmp/venv

adds a row to `benchmark/records/install.json`, or replaces that of the same build of torch; of it
`make tables` makes the README's table. Give it an environment made anew: its log is what is read.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
from pathlib import Path
from typing import Any

import torch

RECORD = Path(__file__).parent / 'records' / 'install.json'
_UNITS = {'bytes': 1, 'kB': 1e3, 'MB': 1e6, 'GB': 1e9}
# Log lines of pip: a file is downloaded, cached, or taken from a folder.
_FETCHED = re.compile(r'(?:Downloading|Using cached) \S+ \(([\d.]+) (bytes|kB|MB|GB)\)')
_TAKEN = re.compile(r'Processing (/\S+\.(?:whl|gz))')


def main() -> None:
    """Measure one environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('venv', type=Path)
    venv: Path = parser.parse_args().venv
    row = {'torch': torch.__version__, 'date': datetime.date.today().isoformat(),
           'download_bytes': downloaded((venv / 'install.log').read_text(encoding='utf-8')),
           'disk_bytes': on_disk(venv)}
    known: list[dict[str, Any]] = json.loads(RECORD.read_text()) if RECORD.is_file() else []
    rows = [old for old in known if old['torch'] != row['torch']] + [row]
    RECORD.write_text(json.dumps(sorted(rows, key=lambda r: r['disk_bytes']), indent=1) + '\n')
    print(row)


def downloaded(log: str) -> int:
    """Total bytes of the files in pip's log whose size is known."""
    fetched = sum(float(number) * _UNITS[unit] for number, unit in _FETCHED.findall(log))
    return round(fetched) + sum(os.path.getsize(path) for path in set(_TAKEN.findall(log)))


def on_disk(folder: Path) -> int:
    """Disk usage of a folder [bytes]; hard links count once."""
    files = {entry.stat(follow_symlinks=False).st_ino: entry
             for root, _, names in os.walk(folder) for entry in map(Path(root).joinpath, names)}
    return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in files.values())


if __name__ == '__main__':
    main()
