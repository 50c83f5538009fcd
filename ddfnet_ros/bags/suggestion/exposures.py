# SPDX-License-Identifier: Apache-2.0
"""What is known of the exposures of images: told by metadata, or estimated from pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from posixpath import commonpath

import numpy as np

from ddfnet_ros.assembly.exposure_levels import MIN_STEP
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic
from ddfnet_ros.bracket import Pixels
from ddfnet_ros.metadata import FrameMetadata

MIN_STOPS = 0.4  # by which the brightness of two exposures differs at least
_LONGEST = 60.0  # seconds that exposure_times may have

Estimate = Callable[[Sequence[Pixels]], list[float]]


def told_of(topic: ImageTopic, source: MetadataTopic) -> list[FrameMetadata]:
    """What is told of a topic's images."""
    camera = topic.frame_id if source.shared else ''
    return [known for stamp in topic.stamps_ns if (known := source.told.get((stamp, camera)))]


def nearest_first(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> list[MetadataTopic]:
    """Those of the same camera, by their names, before others: equal stamps are of many."""
    return sorted(metadata, key=lambda source: -len(commonpath([topic.name, source.name])))


def levels_of(told: Sequence[FrameMetadata]) -> list[float]:
    """Different exposures times gain from short to long [s], none within 20 % of the next."""
    clusters: list[list[float]] = []
    for exposure in sorted(known.exposure_time * known.gain for known in told):
        if clusters and math.log(exposure / clusters[-1][-1]) < MIN_STEP:
            clusters[-1].append(exposure)
        else:
            clusters.append([exposure])
    return [float(np.median(cluster)) for cluster in clusters]


def described(levels: Sequence[float], told: Sequence[FrameMetadata]) -> str:
    """Exposure times as they may be set; levels times gain where the gain is not always one."""
    gain, *others = {known.gain for known in told}
    if others:
        return f'exposure x gain {_milliseconds(levels)}'
    at = '' if gain == 1 else f' at gain {gain:g}'
    return _milliseconds([level / gain for level in levels]) + at


def relative_exposures(
    pictures: Sequence[Pixels], estimate: Estimate
) -> tuple[tuple[float, ...], str]:
    """Exposures relative to the shortest, and how they are known; () where they are not."""
    unknown = (), 'set exposure_times to the camera\'s'
    try:
        ratios = estimate(pictures)
    except ValueError:
        return unknown
    unit = 1.0 if max(ratios) <= _LONGEST else 1e-3
    times = tuple(float(f'{ratio * unit:.3g}') for ratio in ratios)
    if any(abs(math.log(a / b)) < MIN_STEP for a, b in combinations(times, 2)):
        return unknown
    return times, 'exposure_times are ratios estimated from the pictures: the camera\'s are better'


def _milliseconds(exposures: Sequence[float]) -> str:
    return ', '.join(f'{exposure * 1e3:.4g}' for exposure in exposures) + ' ms'
