# SPDX-License-Identifier: Apache-2.0
"""benchmark/records/detection.json: scores and what is needed to reproduce them."""

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
    """One part of the record, 'signals' or 'people'.

    Attributes:
        commit: Short git hash, with -dirty if files differ; '' outside a repository.
        date: Day of the run (UTC).
        hardware: Name of the processor or GPU.
        opencv: Version of OpenCV.
        model: Name of the weights of `fused`.
        sha256: Checksum of the model's tensors.
        device: Torch device of the model.
        precision: Precision of the model's convolutions.
        tone_map: Tone map of `fused` and of the static merge.
        detector: Description of the detector.
        trained_on: Names of the panoramas of the detector's training scenes, if trained here.
        panoramas: Names of the panoramas of the test scenes.
        scenes: Number of test scenes per situation.
        false_alarms: Allowed false alarms per picture; None if they are not limited.
        seed: Random seed; equal seeds give equal scenes.
        scores: Scores by source and situation.
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
    """Write one part into the record file and keep the other part."""
    record: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    record[name] = dataclasses.asdict(part)
    text = json.dumps(record, indent=1, allow_nan=False, default=float)
    path.write_text(_join_score_lines(text) + '\n')


def _join_score_lines(text: str) -> str:
    return _SCORE.sub(lambda found: ' '.join(found[0].split()), text)
