# SPDX-License-Identifier: Apache-2.0
"""What an evaluation writes: figures, and all that is needed to get them again.

doc/evaluation.md explains the JSON.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ddfnet_ros.evaluation.evaluate import Comparison

_STATISTIC = re.compile(r'\{\s*"mean"[^}]*\}')

SCHEMA = 2
"""Grows when a field changes its meaning or goes; 1 had no provenance."""


@dataclass(frozen=True)
class Point:
    """All methods under one condition.

    Attributes:
        axis: What was varied.
        value: To what.
        methods: Name of a fuser to name of a metric to its statistic.
    """

    axis: str
    value: float
    methods: Comparison


@dataclass(frozen=True)
class Failure:
    """Where a method stops being worth it.

    Attributes:
        axis: What was varied.
        method: Whose failure.
        metric: In which PSNR.
        below: Nearest value below the harmless one, or that itself, at which it is no better than
            the reference alone; None: it was better there.
        above: The same above.
    """

    axis: str
    method: str
    metric: str
    below: float | None
    above: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What `ddfnet evaluate --json` writes.

    Attributes:
        schema: Version of this layout.
        study: 'comparison', 'noise', 'robustness' or 'references'.
        commit: Of the package's repository, with -dirty where files differ; '' outside of one.
        date: Day of the run (UTC).
        hardware: What it ran on, as the machine names it.
        model: Weights that `fused` ran.
        sha256: Checksum of every model's tensors, by name.
        device: Of the models.
        precision: Of their convolutions.
        dataset: 'synthetic', 'kalantari' or 'fang'.
        panoramas: Names of the files that scenes were made from, or of the data set's scenes.
        cutouts: How many figures moved through the scenes.
        scenes: How many scenes per point.
        size: Their side [px]; 0: as photographed.
        seed: Equal seeds give equal scenes.
        methods: The comparison; that of the first point where there are several.
        points: One per condition, where the study has several.
        failures: Only of 'robustness'.
    """

    schema: int = SCHEMA
    study: str = 'comparison'
    commit: str = field(default_factory=lambda: commit_of(Path(__file__).parent))
    date: str = field(
        default_factory=lambda: datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    hardware: str
    model: str
    sha256: dict[str, str]
    device: str
    precision: str
    dataset: str = 'synthetic'
    panoramas: list[str]
    cutouts: int = 0
    scenes: int
    size: int
    seed: int
    methods: Comparison
    points: list[Point] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def to_json(self) -> str:
        """As indented JSON, a statistic per line; figures are rounded to six digits."""
        text = json.dumps(_rounded(dataclasses.asdict(self)), indent=1, allow_nan=False) + '\n'
        return _STATISTIC.sub(lambda found: ' '.join(found[0].split()), text)


def commit_of(folder: Path) -> str:
    """Short hash of the checkout that a folder is in, with -dirty; '' where there is none.

    Records themselves do not count: several are written one after the other.
    """
    try:
        found = _git(folder, 'describe', '--always', '--exclude=*')
        changed = _git(folder, 'status', '--porcelain', '--untracked-files=no', '--', ':/',
                       ':(top,exclude)benchmark/records')
    except OSError:  # no git
        return ''
    return f'{found}-dirty' if changed else found


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ['git', *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f'{value:.6g}')
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
