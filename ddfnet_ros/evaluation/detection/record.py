# SPDX-License-Identifier: Apache-2.0
"""benchmark/records/detection.json: scores, and all that is needed to get them again."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from ddfnet_ros.evaluation.detection.study import Scores
from ddfnet_ros.evaluation.record import commit_of

_SCORE = re.compile(r'\{\s*"hits"[^}]*\}')


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the two questions, 'signals' or 'people', and its answer.

    Attributes:
        commit: Of the package's repository, with -dirty where files differ; '' outside of one.
        date: Day of the run (UTC).
        hardware: What it ran on, as the machine names it.
        opencv: Its version.
        model: Weights that `fused` ran.
        sha256: Checksum of their tensors.
        device: Of the model.
        precision: Of its convolutions.
        tone_map: Of `fused` and of the plain merge.
        detector: What was asked.
        trained_on: Names of the panoramas that it was trained in, if it was trained here.
        panoramas: Names of those that it was tested in.
        scenes: Tested in each situation.
        false_alarms: Per picture, where they are fixed; else None.
        seed: Equal seeds give equal scenes.
        scores: Name of a source to name of a situation to its score.
    """

    commit: str = field(default_factory=lambda: commit_of(Path(__file__).parent))
    date: str = field(
        default_factory=lambda: datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    hardware: str
    opencv: str = cv2.__version__
    model: str
    sha256: str
    device: str
    precision: str
    tone_map: str
    detector: str
    trained_on: list[str] = field(default_factory=list)
    panoramas: list[str]
    scenes: int
    false_alarms: float | None = None
    seed: int
    scores: Scores


def write(path: Path, name: str, part: Part) -> None:
    """Put one part into the record; the other one stays as it is there."""
    record: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    record[name] = dataclasses.asdict(part)
    text = json.dumps(record, indent=1, allow_nan=False, default=float)
    path.write_text(_a_score_per_line(text) + '\n')


def _a_score_per_line(text: str) -> str:
    return _SCORE.sub(lambda found: ' '.join(found[0].split()), text)
