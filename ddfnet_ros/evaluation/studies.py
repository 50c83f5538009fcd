# SPDX-License-Identifier: Apache-2.0
"""The conditions of each study, and the points at which a method fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from ddfnet_ros.evaluation.baselines.fuser import Fuser
from ddfnet_ros.evaluation.conditions import NIGHT, QUIET, Condition
from ddfnet_ros.evaluation.evaluate import Comparison, Extra, compare
from ddfnet_ros.evaluation.record import Failure, Point
from ddfnet_ros.evaluation.scenes import scene_with_reference
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.scenes import SceneSource

Conditions = dict[float, Condition]

REFERENCE = 'reference'
_FAILURE_METRICS = ('psnr_mu', 'psnr_mu_moving')

AS_TRAINED = Condition(sensor=None)
"""Random cameras with noise, response and exposure errors as in training."""

NIGHT_VALUE = -1.0
"""Value of the condition `NIGHT` on the axis of `NOISE`, whose other values are sigmas."""

NOISE: Conditions = {
    **{sigma: Condition(sigma=sigma, twice=True) for sigma in (0.0, 0.01, 0.03)},
    NIGHT_VALUE: Condition(sensor=NIGHT, twice=True),
}

ROBUSTNESS: dict[str, Conditions] = {
    'noise': {s: Condition(sigma=s) for s in (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)},
    'ratio': {r: Condition(scenes={'ratios': (r, r)}) for r in (2.0, 4.0, 8.0, 16.0)},
    'frames': {
        float(n): Condition(scenes={'frames': n, 'ratios': (2.0, 2.0)}) for n in (2, 3, 5, 7)},
    'motion': {},  # filled in by `axes`, because it depends on the scene size
    'exposure': {f: Condition(misreported=f) for f in (0.8, 0.9, 1.0, 1.1, 1.2)},
    'response': {g: Condition(response=g) for g in (1.8, 2.0, GAMMA, 2.4, 2.6)},
}
HARMLESS = {
    'noise': 0.0, 'ratio': 2.0, 'frames': 3.0, 'motion': 0.0, 'exposure': 1.0, 'response': GAMMA}
"""Easy value of each axis: failures are searched from here to both sides."""

_MOTION_SHARES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)


def axes(size: int) -> dict[str, Conditions]:
    """The conditions of the robustness study by axis.

    Args:
        size: Side of the scenes [px]. The motion axis is the fastest layer's motion per frame as
            a share of it.
    """
    motion = {share: Condition(scenes={'max_motion': share * size}) for share in _MOTION_SHARES}
    return {**ROBUSTNESS, 'motion': motion}


def sweep(
    axis: str, conditions: Mapping[float, Condition], fusers: Mapping[str, Fuser],
    source: SceneSource, count: int, seed: int, extra: Mapping[str, Extra] | None = None,
) -> Iterator[Point]:
    """Compare the fusers under each condition in turn."""
    for value, condition in conditions.items():
        yield Point(axis, value, compare(fusers, condition.draw(source, count, seed), extra))


def references(
    fusers: Mapping[str, Fuser], source: SceneSource, count: int, seed: int,
    extra: Mapping[str, Extra] | None = None,
) -> Iterator[Point]:
    """Compare the fusers with each frame of the same brackets as the reference, from 1."""
    quiet = SceneSource(source.panoramas, source.settings, source.cutouts, QUIET)
    for place in range(source.settings.frames):
        generator = torch.Generator().manual_seed(seed)
        scenes = (scene_with_reference(quiet.draw(1, generator), place) for _ in range(count))
        yield Point(REFERENCE, place + 1.0, compare(fusers, scenes, extra))


def failures(points: Sequence[Point], method: str) -> list[Failure]:
    """Find where a method is no better than the reference alone, per axis and PSNR metric."""
    found = []
    for axis in dict.fromkeys(point.axis for point in points):
        of_axis = [point for point in points if point.axis == axis]
        for metric in _FAILURE_METRICS:
            lost = [point.value for point in of_axis if _loses(point.methods, method, metric)]
            harmless = HARMLESS[axis]
            found.append(Failure(
                axis, method, metric,
                below=max((value for value in lost if value <= harmless), default=None),
                above=min((value for value in lost if value >= harmless), default=None)))
    return found


def _loses(methods: Comparison, method: str, metric: str) -> bool:
    ours, theirs = (methods[name].get(metric) for name in (method, REFERENCE))
    return ours is not None and theirs is not None and ours.mean <= theirs.mean
