# SPDX-License-Identifier: Apache-2.0
"""One topic that interleaves exposures: metadata tell them, or the brightness repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bags.suggestion.exposures import (
    MIN_STOPS,
    Estimate,
    described,
    levels_of,
    nearest_first,
    relative_exposures,
    told_of,
)
from ddfnet_ros.bags.suggestion.suggestion import Suggestion
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES, NodeSettings

_CLEAR = 3.0  # times as much as brightness differs from turn to turn
_AGREEMENT = 0.3  # of the windows
_LONGEST = 60.0  # of a bracket [s]
_PAUSE = 1.5  # times the interval between frames, from which on it is one


def by_metadata(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> list[Suggestion]:
    """One topic whose metadata tells of several exposures."""
    for source in nearest_first(topic, metadata):
        told = told_of(topic, source)
        levels = levels_of(told)
        if MIN_FRAMES <= len(levels) <= MAX_FRAMES and len(told) >= 2 * len(levels):
            why = (f'{topic.name} interleaves {len(levels)} exposures '
                   f'({described(levels, told)}, told by {source.name})')
            settings = {'image_topics': (topic.name,), 'exposure_source': source.source,
                        'bracket_size': len(levels)}
            return [Suggestion(why, settings | _span(topic, len(levels)), source.name)]
    return []


def by_brightness(topic: ImageTopic, estimate: Estimate) -> list[Suggestion]:
    """One topic whose images become darker and brighter in turns."""
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
    """After how many images the brightness repeats, with as many levels; 0 where it does not.

    Windows of three turns vote: a lost image, which shifts the turns, spoils only those it is in.

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
    """The image after the longest pause of the first turn, else the darkest of the first turn."""
    if _pause(topic, size):
        return int(np.diff(topic.stamps_ns[:size + 1]).argmax()) + 1
    return int(topic.brightness[:size].argmin())


def _pause(topic: ImageTopic, size: int) -> float:
    """The pause after each turn [s]; 0 where there is none."""
    gaps = np.diff(topic.stamps_ns) * 1e-9
    pauses = gaps[gaps > _PAUSE * topic.interval]
    return float(np.median(pauses)) if len(pauses) > 0.7 * len(gaps) / size else 0.0


def _span(topic: ImageTopic, size: int) -> dict[str, float]:
    """A `max_span` for cameras so slow that the default would drop all brackets."""
    return max_span(_PAUSE * size * topic.interval)


def max_span(seconds: float) -> dict[str, float]:
    """The setting, where its default is too short."""
    if seconds <= NodeSettings().max_span:
        return {}
    return {'max_span': _rounded(min(seconds, _LONGEST))}


def _rounded(seconds: float) -> float:
    return float(f'{seconds:.6g}')
