# SPDX-License-Identifier: Apache-2.0
"""Exposures of images: known from metadata, or estimated from pictures."""

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

MIN_STOPS = 0.4  # least difference in brightness between two exposures
_LONGEST = 60.0  # longest value of exposure_times [s]

Estimate = Callable[[Sequence[Pixels]], list[float]]


def metadata_of(topic: ImageTopic, source: MetadataTopic) -> list[FrameMetadata]:
    """Return the metadata that a source has about a topic's images."""
    camera = topic.frame_id if source.shared else ''
    return [found for stamp in topic.stamps_ns if (found := source.samples.get((stamp, camera)))]


def nearest_first(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> list[MetadataTopic]:
    """Sort metadata topics by the similarity of their names to the image topic's.

    Stamps alone do not tell the camera: several cameras may have equal stamps.
    """
    return sorted(metadata, key=lambda source: -len(commonpath([topic.name, source.name])))


def levels_of(metadata: Sequence[FrameMetadata]) -> list[float]:
    """Return the distinct values of exposure time times gain, rising [s]; within 20 % is equal."""
    clusters: list[list[float]] = []
    for exposure in sorted(one.exposure_time * one.gain for one in metadata):
        if clusters and math.log(exposure / clusters[-1][-1]) < MIN_STEP:
            clusters[-1].append(exposure)
        else:
            clusters.append([exposure])
    return [float(np.median(cluster)) for cluster in clusters]


def describe_exposures(levels: Sequence[float], metadata: Sequence[FrameMetadata]) -> str:
    """Format exposure times for users; as exposure times gain if the gain changes.

    Args:
        levels: Exposure times gain [s], see `levels_of`.
        metadata: Metadata that they come from.
    """
    gain, *others = {one.gain for one in metadata}
    if others:
        return f'exposure x gain {_milliseconds(levels)}'
    at = '' if gain == 1 else f' at gain {gain:g}'
    return _milliseconds([level / gain for level in levels]) + at


def relative_exposures(
    pictures: Sequence[Pixels], estimate: Estimate
) -> tuple[tuple[float, ...], str]:
    """Return estimated relative exposures and a remark for users; () if unknown."""
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
