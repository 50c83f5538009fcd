# SPDX-License-Identifier: Apache-2.0
"""Write measured tables and charts of doc/results.md and doc/reliability.md, and cards.

--check only compares. What stands between a table's two comments is replaced; all else stays.
models/README.md is made whole, from the model files.
"""

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import endurance
from pages import fill_tables, write_or_compare

from ddfnet_ros.evaluation import pace, report
from ddfnet_ros.evaluation.ablation_studies import FAST, STRUCTURES
from ddfnet_ros.evaluation.ablation_table import ablation_table
from ddfnet_ros.evaluation.detection import report as detection
from ddfnet_ros.evaluation.flow import flow_table
from ddfnet_ros.evaluation.roofline import device_table, roofline_chart
from ddfnet_ros.training import cards

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / 'doc/results.md'
RECORDS = ROOT / 'benchmark/records'
IMAGES = ROOT / 'doc/images'
CARDS = ROOT / 'models/README.md'

# Name of the table in the comments of the page: its record, and the function that formats it.
TABLES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    'peers': ('evaluation_peers', report.peers_table),
    'brightness': ('evaluation_peers', report.brightness_table),
    'noise': ('evaluation_noise', report.noise_table),
    'references': ('evaluation_references', report.references_table),
    'robustness': ('evaluation_robustness', report.failures_table),
    'ablation': ('ablation', partial(ablation_table, study=STRUCTURES)),
    'ablation_fast': ('ablation_fast', partial(ablation_table, study=FAST)),
    'flow': ('flow', flow_table),
    'signals': ('detection', detection.signals_table),
    'people': ('detection', detection.people_table),
    'demo': ('demo', pace.demo_table),
    'speed': ('speed', pace.speed_table),
    'node': ('node', pace.node_table),
    'stream': ('stream', pace.stream_table),
    'cameras': ('cameras', pace.cameras_table),
    'gpu': ('gpu', device_table),
    'cpu': ('cpu', device_table),
}
RELIABILITY = ROOT / 'doc/reliability.md'
RELIABILITY_TABLES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    'soak': ('soak', endurance.soak_table),
    'fuzz': ('fuzz', endurance.fuzz_table),
}
CHARTS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    'peers.svg': ('evaluation_peers', report.peers_chart),
    'robustness.svg': ('evaluation_robustness', report.robustness_chart),
    'learning.svg': ('learning', report.learning_chart),
    'roofline_gpu.svg': ('gpu', roofline_chart),
    'roofline_cpu.svg': ('cpu', roofline_chart),
}

# Records that need hours, a GPU or an idle machine; while one is missing, its table says so.
LATER = ('ablation', 'ablation_fast', 'stream', 'cameras', 'gpu')


def record(name: str) -> Mapping[str, Any]:
    """Read a record of benchmark/records; empty for one of `LATER` that does not exist yet."""
    path = RECORDS / f'{name}.json'
    if name in LATER and not path.exists():
        return {}
    read: Mapping[str, Any] = json.loads(path.read_text())
    return read


def updated(text: str, page: Path = PAGE) -> str:
    """Replace the tables in the text of a page.

    Raises:
        ValueError: the text lacks the comments of a table.
    """
    chosen = TABLES if page == PAGE else RELIABILITY_TABLES
    tables = {name: table(record(source)) for name, (source, table) in chosen.items()}
    return fill_tables(text, tables, page.name)


def main() -> int:
    """Write the tables and charts, or compare them."""
    charts = {IMAGES / name: chart(found) for name, (source, chart) in CHARTS.items()
              if (found := record(source))}
    pages = {page: updated(page.read_text(encoding='utf-8'), page)
             for page in (PAGE, RELIABILITY)}
    pages[CARDS] = cards.page(CARDS.parent) + '\n'
    return write_or_compare(pages | charts, __doc__ or '')


if __name__ == '__main__':
    sys.exit(main())
