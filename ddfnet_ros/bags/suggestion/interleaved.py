# SPDX-License-Identifier: Apache-2.0
"""Suggest a bracket from one topic that interleaves exposures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bags.suggestion.exposures import (
    MIN_STOPS,
    Estimate,
    describe_exposures,
    levels_of,
    metadata_of,
    nearest_first,
    relative_exposures,
)
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES, NodeSettings

_CLEAR = 3.0  # least ratio of a brightness step to the differences from turn to turn
_AGREEMENT = 0.3  # least share of the windows in which the brightness repeats
_LONGEST = 60.0  # longest max_span [s]
_PAUSE = 1.5  # least length of a pause, in intervals between frames


def by_metadata(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> list[Suggestion]:
    """Suggest a topic whose metadata has several exposures."""
    for source in nearest_first(topic, metadata):
        known = metadata_of(topic, source)
        levels = levels_of(known)
        if MIN_FRAMES <= len(levels) <= MAX_FRAMES and len(known) >= 2 * len(levels):
            why = (f'{topic.name} interleaves {len(levels)} exposures '
                   f'({describe_exposures(levels, known)}, told by {source.name})')
            settings = {'image_topics': (topic.name,), 'exposure_source': source.source,
                        'bracket_size': len(levels)}
            return [Suggestion(why, settings | _span(topic, len(levels)), source.name)]
    return []


def by_brightness(topic: ImageTopic, estimate: Estimate) -> list[Suggestion]:
    """Suggest a topic whose images repeat a cycle of brightness."""
    if topic.problem or not (size := cycle_of(topic.brightness)):
        return []
    start = _first_of_cycle(topic, size)
    times, how = relative_exposures(topic.thumbnails[start:start + size], estimate)
    settings: dict[str, Any] = {'image_topics': (topic.name,)}
    settings |= {'exposure_times': times} if times else {'bracket_size': size}
    if pause := _pause(topic, size):
        settings['cycle_gap'] = _rounded((pause + topic.interval) / 2)
    else:
        gaps = np.diff(topic.stamps_ns)
        places = np.rint(gaps * 1e-9 / topic.interval).sum()  # lost images included
        settings['cycle_period'] = period = _rounded(size * gaps.sum() * 1e-9 / places)
        settings['cycle_offset'] = round(topic.stamps_ns[start] % round(period * 1e9) * 1e-9, 9)
    why = f'{topic.name}: the brightness repeats every {size} images, nothing tells why; {how}'
    return [Suggestion(why, settings | _span(topic, size), complete=False)]


def cycle_of(brightness: npt.NDArray[np.float64]) -> int:
    """Return after how many images the brightness repeats, all levels distinct; 0 if it does not.

    Windows of three turns vote, so that a lost image, which shifts the turns, spoils only its own.

    Args:
        brightness: Mean linear brightness of successive images, in [0, 1].
    """
    stops = np.log2(np.maximum(brightness, 1e-6))
    for size in range(MIN_FRAMES, MAX_FRAMES + 1):
        length = 3 * size
        votes = [_repeats(stops[k:k + length], size)
                 for k in range(0, len(stops) - length + 1, size)]
        if votes and np.mean(votes) > _AGREEMENT:
            return size
    return 0


def _repeats(stops: npt.NDArray[np.float64], size: int) -> bool:
    turns = stops.reshape(-1, size)
    levels = np.median(turns, axis=0)
    noise = float(np.abs(turns - levels).mean())
    steps = np.diff(np.sort(levels))
    return bool(steps.min() > max(MIN_STOPS, _CLEAR * noise))


def _first_of_cycle(topic: ImageTopic, size: int) -> int:
    """Index of the image after the longest pause in the first turn, else of the darkest one."""
    if _pause(topic, size):
        return int(np.diff(topic.stamps_ns[:size + 1]).argmax()) + 1
    return int(topic.brightness[:size].argmin())


def _pause(topic: ImageTopic, size: int) -> float:
    """Length of the pause after each turn [s]; 0 if there is none."""
    gaps = np.diff(topic.stamps_ns) * 1e-9
    pauses = gaps[gaps > _PAUSE * topic.interval]
    return float(np.median(pauses)) if len(pauses) > 0.7 * len(gaps) / size else 0.0


def _span(topic: ImageTopic, size: int) -> dict[str, float]:
    """The `max_span` setting for a camera that is too slow for the default; {} for others."""
    return max_span(_PAUSE * size * topic.interval)


def max_span(seconds: float) -> dict[str, float]:
    """Return the `max_span` setting for this span [s]; {} if the default is long enough."""
    if seconds <= NodeSettings().max_span:
        return {}
    return {'max_span': _rounded(min(seconds, _LONGEST))}


def _rounded(seconds: float) -> float:
    return float(f'{seconds:.6g}')
