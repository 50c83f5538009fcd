# SPDX-License-Identifier: Apache-2.0
"""Write the measured tables and charts of doc/results.md from benchmark/records.

--check only compares. What stands between a table's two comments is replaced; all else stays.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ddfnet_ros.evaluation import report

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / 'doc/results.md'
RECORDS = ROOT / 'benchmark/records'
IMAGES = ROOT / 'doc/images'

# Name in the page's comments: record, and what becomes of it.
TABLES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    'peers': ('evaluation_peers', report.peers_table),
    'brightness': ('evaluation_peers', report.brightness_table),
    'noise': ('evaluation_noise', report.noise_table),
    'references': ('evaluation_references', report.references_table),
    'robustness': ('evaluation_robustness', report.failures_table),
}
CHARTS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    'peers.svg': ('evaluation_peers', report.peers_chart),
    'robustness.svg': ('evaluation_robustness', report.robustness_chart),
}


def record(name: str) -> Mapping[str, Any]:
    """A record of benchmark/records."""
    read: Mapping[str, Any] = json.loads((RECORDS / f'{name}.json').read_text())
    return read


def written(text: str) -> str:
    """The page's text with its tables replaced.

    Raises:
        ValueError: a table has no place in the text.
    """
    for name, (source, table) in TABLES.items():
        begin, end = f'<!-- {name}: make tables -->\n', f'<!-- end of {name} -->'
        before, middle, rest = text.partition(begin)
        _, last, after = rest.partition(end)
        if not (middle and last):
            raise ValueError(f'{PAGE.name}: expected {begin.strip()} and {end.strip()}')
        text = f'{before}{begin}{table(record(source))}\n\n{end}{after}'
    return text


def main() -> int:
    """Write tables and charts, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='only compare; 1 where they differ')
    check = parser.parse_args().check
    wanted = {PAGE: written(PAGE.read_text(encoding='utf-8'))} | {
        IMAGES / name: chart(record(source)) for name, (source, chart) in CHARTS.items()}
    if check:
        return int(any(not path.is_file() or path.read_text(encoding='utf-8') != text
                       for path, text in wanted.items()))
    for path, text in wanted.items():
        path.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
