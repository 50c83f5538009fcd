# SPDX-License-Identifier: Apache-2.0
"""Compare fusers on scenes whose truth is known."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Bracket, Frame
from ddfnet_ros.evaluation.baselines.frames import grey_of, ldr_of
from ddfnet_ros.evaluation.baselines.fuser import RADIANCE, Fuser
from ddfnet_ros.evaluation.lamps import lamp_metrics
from ddfnet_ros.evaluation.mef_ssim import mef_ssim, mef_ssim_moving
from ddfnet_ros.evaluation.metrics import clipped, compressed, measure
from ddfnet_ros.evaluation.scenes import Scene
from ddfnet_ros.evaluation.sequence import flicker
from ddfnet_ros.radiance import GAMMA

Picture = npt.NDArray[np.float32]
Extra = Callable[[Picture, Picture], float]
"""Additional metric of radiance and truth, both relative to the shortest exposure."""


@dataclass(frozen=True)
class Statistic:
    """Summary of one metric over all scenes that have it.

    Attributes:
        mean: Mean in the metric's unit; PSNR is averaged in dB.
        spread: Standard deviation over the scenes.
        count: Number of scenes.
        quartiles: Minimum, lower quartile, median, upper quartile, maximum.
    """

    mean: float
    spread: float
    count: int
    quartiles: tuple[float, float, float, float, float]

    @classmethod
    def of(cls, values: list[float]) -> Statistic:
        """Summarise one value per scene."""
        low, lower, median, upper, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1)).tolist()
        return cls(statistics.fmean(values), statistics.pstdev(values), len(values),
                   (low, lower, median, upper, high))


Comparison = dict[str, dict[str, Statistic]]
"""Fuser name to metric name to statistic."""


def compare(
    fusers: Mapping[str, Fuser], scenes: Iterable[Scene], extra: Mapping[str, Extra] | None = None
) -> Comparison:
    """Run every fuser on every scene and summarise each metric.

    Args:
        fusers: Fusers by name; each is skipped on brackets whose number of frames it rejects.
        scenes: Scenes with ground truth.
        extra: Additional metrics of radiance, by name.
    """
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in fusers}
    for scene in scenes:
        for name, fuser in fusers.items():
            if not fuser.takes(scene.bracket):
                continue
            judge = _judge_radiance if fuser.output == RADIANCE else _judge_image
            for metric, value in judge(fuser, scene, extra or {}).items():
                values[name][metric].append(value)
    return _summarise(values)


def compare_without_truth(
    fusers: Mapping[str, Fuser], brackets: Iterable[Bracket]
) -> Comparison:
    """Compare fusers on brackets without ground truth, by metrics that need only the frames."""
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in fusers}
    for bracket in brackets:
        for name, fuser in fusers.items():
            if not fuser.takes(bracket):
                continue
            picture = fuser(bracket)
            if fuser.output == RADIANCE:
                picture = compressed(picture * np.float32(min(bracket.exposures)))
            for metric, value in _truth_free_metrics(picture, bracket).items():
                values[name][metric].append(value)
    return _summarise(values)


def _judge_radiance(fuser: Fuser, scene: Scene, extra: Mapping[str, Extra]) -> dict[str, float]:
    radiance = fuser(scene.bracket) * scene.unit
    steady = {}
    if scene.again is not None:
        again = fuser(scene.again) * scene.unit
        steady['flicker'] = flicker([radiance, again], [scene.truth] * 2)
    return {
        **steady,
        **measure(radiance, scene.truth, scene.reference, scene.moving),
        **lamp_metrics(radiance, scene.truth, scene.white),
        **_truth_free_metrics(compressed(radiance), scene.bracket),
        **{name: metric(radiance, scene.truth) for name, metric in extra.items()},
    }


def _judge_image(fuser: Fuser, scene: Scene, _extra: Mapping[str, Extra]) -> dict[str, float]:
    """Metrics of a display image, which has no radiance.

    `ghost_image` compares it with the image that the fuser makes of the still scene.
    """
    picture = fuser(scene.bracket)
    found = _truth_free_metrics(picture, scene.bracket)
    shown = scene.moving & ~clipped(scene.reference)
    if shown.any():
        still = fuser(still_bracket(scene))
        found['ghost_image'] = float(np.abs(picture - still)[shown].mean())
    return found


def still_bracket(scene: Scene) -> Bracket:
    """The noise-free bracket that the camera would have taken if nothing had moved."""
    frames = []
    for frame, exposure in zip(scene.bracket.frames, scene.exposures, strict=True):
        ratio = np.float32(exposure) / scene.unit
        ldr = np.clip(scene.truth * ratio, 0, 1) ** np.float32(1 / GAMMA)
        frames.append(Frame(pixels=ldr, exposure_time=frame.exposure))
    return Bracket.of(frames, scene.bracket.reference_index + 1)


def _truth_free_metrics(picture: Picture, bracket: Bracket) -> dict[str, float]:
    if min(picture.shape[:2]) < 44:  # too small for three scales of MEF-SSIM
        return {}
    frames = np.stack([grey_of(frame) for frame in ldr_of(bracket)])
    fused = grey_of(np.clip(picture, 0, 1).astype(np.float32))
    return {'mef_ssim': mef_ssim(frames, fused), 'mef_ssim_moving': mef_ssim_moving(frames, fused)}


def _summarise(values: Mapping[str, Mapping[str, list[float]]]) -> Comparison:
    return {
        name: {metric: Statistic.of(found) for metric, found in metrics.items()}
        for name, metrics in values.items()
    }
