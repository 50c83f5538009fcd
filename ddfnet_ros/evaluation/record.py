# SPDX-License-Identifier: Apache-2.0
"""The record of an evaluation: its figures and what is needed to reproduce them.

doc/evaluation.md explains the JSON.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ddfnet_ros.evaluation.evaluate import Comparison

_STATISTIC = re.compile(r'\{\s*"mean"[^}]*\}')

SCHEMA = 2
"""Raised when a field is removed or changes its meaning; 1 had no provenance."""

Record = Mapping[str, Any]
"""A record as read from its JSON file."""


@dataclass(frozen=True)
class Point:
    """Results of all methods under one condition.

    Attributes:
        axis: Name of what the study varies.
        value: Its value under this condition.
        methods: Statistics by fuser name and metric name.
    """

    axis: str
    value: float
    methods: Comparison


@dataclass(frozen=True)
class Failure:
    """Where a method is no better than the reference frame alone.

    Attributes:
        axis: Name of what the study varies.
        method: Name of the fuser.
        metric: Name of the PSNR metric.
        below: Value at which it fails that is nearest to the harmless value, at or below it;
            None: it never fails there.
        above: The nearest such value at or above the harmless value.
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
        commit: Short git hash, with -dirty if files differ; '' outside a repository.
        date: Day of the run (UTC).
        hardware: Name of the processor or GPU.
        model: Name of the weights of `fused`.
        sha256: Checksum of each model's tensors, by model name.
        device: Torch device of the models.
        precision: Precision of the convolutions.
        dataset: 'synthetic', 'kalantari' or 'fang'.
        panoramas: Names of the panoramas, or of the data set's scenes.
        cutouts: Number of cutouts that can move through the scenes.
        scenes: Number of scenes per point.
        size: Side of the scenes [px]; 0: as photographed.
        seed: Random seed; equal seeds give equal scenes.
        methods: The comparison, or that of the first point if there are several.
        points: One per condition; empty if the study has only one.
        failures: Failures of the models; only for the study 'robustness'.
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
        """Format as indented JSON, one statistic per line, numbers rounded to six digits."""
        text = json.dumps(_rounded(dataclasses.asdict(self)), indent=1, allow_nan=False) + '\n'
        return _STATISTIC.sub(lambda found: ' '.join(found[0].split()), text)


def commit_of(folder: Path) -> str:
    """Short git hash of the checkout around a folder; '' if there is none.

    Ends in -dirty if tracked files differ. Files in benchmark/records are ignored, because
    several records are written one after the other.
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
