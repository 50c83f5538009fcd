# SPDX-License-Identifier: Apache-2.0
"""Suggest brackets from topics in step that have one exposure each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ddfnet_ros.assembly.exposure_levels import MIN_STEP
from ddfnet_ros.bags.suggestion.exposures import (
    MIN_STOPS,
    Estimate,
    describe_exposures,
    levels_of,
    metadata_of,
    nearest_first,
    relative_exposures,
)
from ddfnet_ros.bags.suggestion.interleaved import cycle_of, max_span
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

_NEARLY_ALL = 0.8  # of the images that the best metadata topic covers


def brackets_in_step(topics: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                     estimate: Estimate) -> list[Suggestion]:
    """Suggest groups of topics that are alike, in step, and have one exposure each."""
    groups: list[list[ImageTopic]] = []
    for topic in topics:
        home = next((g for g in groups if all(_in_step(topic, other) for other in g)), None)
        if home is None:
            groups.append([topic])
        else:
            home.append(topic)
    return [s for group in groups for s in (
        _suggest_group(group, metadata, estimate)
        or _suggest_per_camera(group, metadata, estimate))]


def _suggest_per_camera(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                        estimate: Estimate) -> list[Suggestion]:
    """Split a group into cameras by the first differing part of the names; suggest for each."""
    names = [topic.name.split('/') for topic in group]
    differs = next((k for k, parts in enumerate(zip(*names, strict=False))
                    if len(set(parts)) > 1), 0)
    cameras: dict[str, list[ImageTopic]] = {}
    for topic, parts in zip(group, names, strict=True):
        cameras.setdefault(parts[differs], []).append(topic)
    # A single camera is the whole group, which was no bracket.
    return [s for camera in cameras.values() if len(cameras) > 1
            for s in _suggest_group(camera, metadata, estimate)]


def _in_step(one: ImageTopic, other: ImageTopic) -> bool:
    """Whether two topics have images of one kind, one rate, and a constant time offset."""
    alike = (one.size, one.msgtype, one.encoding) == (other.size, other.msgtype, other.encoding)
    if not alike or not one.interval or not 0.9 < one.interval / (other.interval or 1) < 1.1:
        return False
    offsets = _offsets(one, other)
    near = np.abs(offsets - np.median(offsets)) < 0.1 * one.interval
    return bool(near.mean() > 0.8)


def _offsets(one: ImageTopic, other: ImageTopic) -> npt.NDArray[np.float64]:
    """Time from each image to the nearest image of the other topic [s]."""
    stamps, own = np.sort(other.stamps_ns), np.array(one.stamps_ns)
    places = np.clip(np.searchsorted(stamps, own), 1, len(stamps) - 1)
    before, after = stamps[places - 1], stamps[places]
    offsets: npt.NDArray[np.float64] = np.where(
        own - before < after - own, before - own, after - own) * 1e-9
    return offsets


def _span(group: Sequence[ImageTopic]) -> dict[str, float]:
    """The `max_span` setting for the offsets between these topics; {} if the default fits."""
    offsets = [float(np.median(_offsets(group[0], other))) for other in group]
    return max_span(1.5 * (max(offsets) - min(offsets)))


def _suggest_group(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                   estimate: Estimate) -> list[Suggestion]:
    if not MIN_FRAMES <= len(group) <= MAX_FRAMES:
        return []
    if (known := _suggest_by_metadata(group, metadata)) is not None:
        return known
    if any(topic.problem or cycle_of(topic.brightness) for topic in group):
        return []
    brightening = sorted(group, key=_stops)
    if any(_stops(b) - _stops(a) < MIN_STOPS for a, b in pairwise(brightening)):
        return []  # a stereo pair, or cameras around a car
    times, how = relative_exposures([topic.thumbnails[0] for topic in brightening], estimate)
    names = tuple(topic.name for topic in brightening)
    settings: dict[str, Any] = {'image_topics': names} | _span(group)
    settings |= {'exposure_times': times} if times else {'bracket_size': len(names)}
    return [Suggestion(f'{", ".join(names)}: in step, alike, and each brighter than the one '
                       f'before; {how}', settings, complete=False)]


def _metadata_topic(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> MetadataTopic:
    """Of the metadata topics that cover nearly all images, the one with the nearest name."""
    covered = {source.name: len(metadata_of(topic, source)) for source in metadata}
    most = max(covered.values())
    return next(source for source in nearest_first(topic, metadata)
                if covered[source.name] >= _NEARLY_ALL * most)


def _stops(topic: ImageTopic) -> float:
    """Median brightness of a topic's images in stops (log2)."""
    return float(np.log2(max(float(np.median(topic.brightness)), 1e-6)))


def _suggest_by_metadata(
    group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic]
) -> list[Suggestion] | None:
    """Suggest a bracket by metadata; [] if they show it is none, None if they do not tell."""
    if not metadata:
        return None
    sources = {topic.name: _metadata_topic(topic, metadata) for topic in group}
    known = {topic.name: metadata_of(topic, sources[topic.name]) for topic in group}
    levels = {name: levels_of(found) for name, found in known.items()}
    kinds = {source.source for source in sources.values()}
    if len(kinds) != 1 or any(len(found) != 1 for found in levels.values()):
        return None
    order = sorted(levels, key=lambda name: levels[name])
    exposures = [levels[name][0] for name in order]
    if any(math.log(b / a) < MIN_STEP for a, b in pairwise(exposures)):
        return []
    names = tuple(sources[name].name for name in order)
    times = describe_exposures(exposures, [one for name in order for one in known[name]])
    why = (f'{", ".join(order)}: one exposure each ({times}, told by '
           f'{", ".join(dict.fromkeys(names))})')
    settings: dict[str, Any] = {
        'image_topics': tuple(order), 'exposure_source': kinds.pop(),
        'bracket_size': len(order)} | _span(group)
    if len(set(names)) == 1:
        return [Suggestion(why, settings, names[0])]
    return [Suggestion(why, settings | {'metadata_topics': names})]
