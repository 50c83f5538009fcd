# SPDX-License-Identifier: Apache-2.0
"""Compare fusers on synthesised scenes whose truth is known."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines import Fuser
from ddfnet_ros.evaluation.metrics import measure
from ddfnet_ros.synthesis.scenes import Scenes, SceneSource


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """One bracket and its truth.

    Attributes:
        bracket: Colour frames, float32 in [0, 1].
        truth: (H, W, 3) radiance at the reference's instant, relative to the shortest exposure.
        moving: (H, W) where some frame shows something else than the reference.
    """

    bracket: Bracket
    truth: npt.NDArray[np.float32]
    moving: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Statistic:
    """One metric over all scenes that have it.

    Attributes:
        mean: In the metric's unit; PSNR in dB is averaged in dB.
        spread: Standard deviation between the scenes.
        count: Number of scenes.
    """

    mean: float
    spread: float
    count: int

    @classmethod
    def of(cls, values: list[float]) -> Statistic:
        """Summarise one value per scene."""
        return cls(statistics.fmean(values), statistics.pstdev(values), len(values))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What `ddfnet evaluate` reports.

    Attributes:
        model: Weights that `fused` ran.
        device: What it ran on.
        precision: Of its convolutions.
        panoramas: Names of the files that the scenes are made from.
        seed: Equal seeds give equal scenes.
        methods: Name of a fuser to name of a metric (`metrics.measure`) to its statistic.
    """

    model: str
    device: str
    precision: str
    panoramas: list[str]
    seed: int
    methods: dict[str, dict[str, Statistic]]

    def to_json(self) -> str:
        """As indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False) + '\n'


def compare(
    fusers: Mapping[str, Fuser], scenes: Iterable[Scene]
) -> dict[str, dict[str, Statistic]]:
    """Run every fuser on every scene and summarise each metric."""
    values: dict[str, dict[str, list[float]]] = {
        name: defaultdict(list) for name in fusers
    }
    for scene in scenes:
        shortest = np.float32(min(scene.bracket.exposures))
        reference = scene.bracket.reference.pixels.astype(np.float32)
        for name, fuse in fusers.items():
            radiance = fuse(scene.bracket) * shortest
            for metric, value in measure(radiance, scene.truth, reference, scene.moving).items():
                values[name][metric].append(value)
    return {
        name: {metric: Statistic.of(found) for metric, found in metrics.items()}
        for name, metrics in values.items()
    }


def synthesised(source: SceneSource, count: int, seed: int) -> Iterator[Scene]:
    """Draw scenes one by one; the same seed gives the same scenes."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield scene_of(source.draw(1, generator))


def scene_of(scenes: Scenes, index: int = 0) -> Scene:
    """One scene of a batch, as the frames that a camera would deliver."""
    frames = [
        Frame(pixels=_interleaved(ldr), exposure_time=float(exposure))
        for ldr, exposure in zip(scenes.ldr[index], scenes.exposure[index], strict=True)
    ]
    return Scene(
        bracket=Bracket.of(frames, reference=scenes.reference_index + 1),
        truth=_interleaved(scenes.truth[index]),
        moving=scenes.moving[index, 0].numpy(),
    )


def _interleaved(planes: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(planes.permute(1, 2, 0).float().numpy())
