# SPDX-License-Identifier: Apache-2.0
"""Topics of one camera, in step, with one exposure each: metadata or the brightness tell."""

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
    described,
    levels_of,
    nearest_first,
    relative_exposures,
    told_of,
)
from ddfnet_ros.bags.suggestion.interleaved import cycle_of, max_span
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

_NEARLY = 0.8  # of the most that any tells


def brackets_in_step(topics: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                     estimate: Estimate) -> list[Suggestion]:
    """Topics of one camera and one exposure each: alike, in step, and of different brightness."""
    groups: list[list[ImageTopic]] = []
    for topic in topics:
        home = next((g for g in groups if all(_in_step(topic, other) for other in g)), None)
        if home is None:
            groups.append([topic])
        else:
            home.append(topic)
    return [s for group in groups for s in (
        _of_group(group, metadata, estimate) or _of_cameras(group, metadata, estimate))]


def _of_cameras(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                estimate: Estimate) -> list[Suggestion]:
    """Brackets of several cameras in step, by the first part that their names differ in."""
    names = [topic.name.split('/') for topic in group]
    differs = next((k for k, parts in enumerate(zip(*names, strict=False))
                    if len(set(parts)) > 1), 0)
    cameras: dict[str, list[ImageTopic]] = {}
    for topic, parts in zip(group, names, strict=True):
        cameras.setdefault(parts[differs], []).append(topic)
    # One alone is the group that was no bracket.
    return [s for camera in cameras.values() if len(cameras) > 1
            for s in _of_group(camera, metadata, estimate)]


def _in_step(one: ImageTopic, other: ImageTopic) -> bool:
    """Whether two topics have images of one kind, at one rate, and a constant time apart."""
    alike = (one.size, one.msgtype, one.encoding) == (other.size, other.msgtype, other.encoding)
    if not alike or not one.interval or not 0.9 < one.interval / (other.interval or 1) < 1.1:
        return False
    offsets = _offsets(one, other)
    near = np.abs(offsets - np.median(offsets)) < 0.1 * one.interval
    return bool(near.mean() > 0.8)


def _offsets(one: ImageTopic, other: ImageTopic) -> npt.NDArray[np.float64]:
    """From each image to the nearest of the other topic [s]."""
    stamps, own = np.sort(other.stamps_ns), np.array(one.stamps_ns)
    places = np.clip(np.searchsorted(stamps, own), 1, len(stamps) - 1)
    before, after = stamps[places - 1], stamps[places]
    offsets: npt.NDArray[np.float64] = np.where(
        own - before < after - own, before - own, after - own) * 1e-9
    return offsets


def _span(group: Sequence[ImageTopic]) -> dict[str, float]:
    """A `max_span` for topics whose images are that far apart."""
    offsets = [float(np.median(_offsets(group[0], other))) for other in group]
    return max_span(1.5 * (max(offsets) - min(offsets)))


def _of_group(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
              estimate: Estimate) -> list[Suggestion]:
    if not MIN_FRAMES <= len(group) <= MAX_FRAMES:
        return []
    if (told := _told_of_group(group, metadata)) is not None:
        return told
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


def _teller(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> MetadataTopic:
    """Of those that tell of nearly all images, the one of the same camera."""
    told = {source.name: len(told_of(topic, source)) for source in metadata}
    most = max(told.values())
    return next(source for source in nearest_first(topic, metadata)
                if told[source.name] >= _NEARLY * most)


def _stops(topic: ImageTopic) -> float:
    """How bright its images are, in powers of two."""
    return float(np.log2(max(float(np.median(topic.brightness)), 1e-6)))


def _told_of_group(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic]
                   ) -> list[Suggestion] | None:
    """What metadata say of a group: a bracket, or none; nothing where they are silent."""
    if not metadata:
        return None
    tellers = {topic.name: _teller(topic, metadata) for topic in group}
    told = {topic.name: told_of(topic, tellers[topic.name]) for topic in group}
    levels = {name: levels_of(known) for name, known in told.items()}
    kinds = {teller.source for teller in tellers.values()}
    if len(kinds) != 1 or any(len(found) != 1 for found in levels.values()):
        return None
    order = sorted(levels, key=lambda name: levels[name])
    exposures = [levels[name][0] for name in order]
    if any(math.log(b / a) < MIN_STEP for a, b in pairwise(exposures)):
        return []
    names = tuple(tellers[name].name for name in order)
    times = described(exposures, [known for name in order for known in told[name]])
    why = (f'{", ".join(order)}: one exposure each ({times}, told by '
           f'{", ".join(dict.fromkeys(names))})')
    settings: dict[str, Any] = {
        'image_topics': tuple(order), 'exposure_source': kinds.pop(),
        'bracket_size': len(order)} | _span(group)
    if len(set(names)) == 1:
        return [Suggestion(why, settings, names[0])]
    return [Suggestion(why, settings | {'metadata_topics': names})]
