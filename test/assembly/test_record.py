# SPDX-License-Identifier: Apache-2.0
"""The committed record of benchmark/assembly.py, and the page that shows it."""

import json
from pathlib import Path

import pytest

from benchmark.assembly import JITTERY_ROWS, PEER, RECORD, ROWS, SHOWN, table

RECORDED = json.loads(RECORD.read_text())['rows']
PAGE = Path(__file__).parents[2] / 'doc' / 'assembly.md'


def test_record_has_every_row():
    assert list(RECORDED) == [*ROWS, *JITTERY_ROWS]


@pytest.mark.parametrize('row', RECORDED)
def test_recorded_brackets_are_not_mixed_and_nearly_all_came_out(row):
    for source, (_, mixed, complete, emitted) in RECORDED[row].items():
        if source != PEER:
            assert mixed == 0, source
            assert emitted >= 0.97 * complete, source


def test_page_shows_the_record():
    assert '\n'.join(table(RECORDED, SHOWN)) in PAGE.read_text()
