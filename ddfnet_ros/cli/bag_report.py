# SPDX-License-Identifier: Apache-2.0
"""Report the results of bags, as text for users or as JSON for scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ddfnet_ros.bags.fusing import Done, TakenError
from ddfnet_ros.bags.many import Outcome


class Report:
    """Prints the result of each of several bags as soon as it is known.

    Attributes:
        failed: Whether any bag failed.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json, self.failed = as_json, False

    def add(self, source: Path, target: Path, outcome: Outcome | None) -> None:
        """Print the line of one bag; None: another run had done it."""
        if isinstance(outcome, TakenError):  # another run has done it meanwhile
            outcome = None
        self.failed |= isinstance(outcome, Exception)
        if self._as_json:
            print(json_line(source, target, outcome), flush=True)
        elif isinstance(outcome, Exception):
            print(f'ddfnet: {source}: {_error_text(source, outcome)}', file=sys.stderr)
        else:
            text = summary(outcome) if outcome else 'done earlier'
            print(f'{target}: {text}', flush=True)


def summary(done: Done) -> str:
    """Describe the result of a bag in one line."""
    earlier = f' ({done.earlier} by an earlier run)' if done.earlier else ''
    dropped = ', '.join(f'{reason} {n}' for reason, n in done.dropped.items()) or 'none'
    problems = ''.join(f'; {topic}: {text}' for topic, text in done.complaints.items())
    ways = ', '.join(f'{way} {n}' for way, n in done.out_of_memory.items())
    shortage = f', out of memory: {ways}' if ways else ''
    return (f'{done.brackets} brackets fused{earlier}, frames dropped: {dropped}{shortage}'
            f'{problems}')


def json_line(source: Path, target: Path, outcome: Outcome | None) -> str:
    """Describe the outcome of a bag as one JSON object; None: an earlier run had done it."""
    about = {'source': str(source), 'target': str(target)}
    if outcome is None:
        return json.dumps({**about, 'state': 'done earlier'})
    if isinstance(outcome, Exception):
        return json.dumps({**about, 'state': 'failed', 'error': _error_text(source, outcome)})
    return json.dumps({**about, 'state': 'fused', **outcome._asdict()})


def _error_text(source: Path, error: Exception) -> str:
    return ' '.join(str(error).removeprefix(f'{source}: ').split())
