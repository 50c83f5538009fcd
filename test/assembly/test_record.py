# SPDX-License-Identifier: Apache-2.0
"""The committed record of benchmark/assembly.py, and the page that shows it."""

import json
from pathlib import Path

import pytest

from benchmark.assembly import JITTERY_ROWS, PEER, RECORD, ROWS, SHOWN, table

RECORDED = json.loads(RECORD.read_text())
CYCLE, SLIDING = RECORDED['rows'], RECORDED['sliding']
PAGE = (Path(__file__).parents[2] / 'doc' / 'assembly.md').read_text()


@pytest.mark.parametrize('rows', [CYCLE, SLIDING])
def test_record_has_every_row(rows):
    assert list(rows) == [*ROWS, *JITTERY_ROWS]


@pytest.mark.parametrize('row', CYCLE)
def test_recorded_brackets_are_not_mixed_and_nearly_all_came_out(row):
    for source, (_, mixed, complete, emitted) in CYCLE[row].items():
        if source != PEER:
            assert mixed == 0, source
            assert emitted >= 0.97 * complete, source


@pytest.mark.parametrize('row', SLIDING)
def test_recorded_windows_have_no_gap_and_nearly_all_came_out(row):
    for source, (_, mixed, complete, emitted) in SLIDING[row].items():
        assert mixed == 0, source
        # Whole bursts, by which the gap places frames, become rare where many frames are lost.
        few = source == 'gap' and row in ('30 % lost', *JITTERY_ROWS)
        assert emitted >= (0.6 if few else 0.97) * complete, source


def test_page_shows_the_record():
    assert '\n'.join(table(CYCLE, SHOWN)) in PAGE
    assert '\n'.join(table(SLIDING, SHOWN[:-1])) in PAGE
