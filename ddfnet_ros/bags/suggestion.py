# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag look like a bracket, and by which settings it would be assembled."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ddfnet_ros.assembly.exposure_levels import MIN_STEP
from ddfnet_ros.bags.survey import ImageTopic, MetadataTopic, Survey
from ddfnet_ros.bracket import Pixels
from ddfnet_ros.metadata import FrameMetadata
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES

_MIN_STOPS = 0.4  # by which the brightness of two exposures differs at least
_CLEAR = 3.0  # times as much as it differs from turn to turn
_AGREEMENT = 0.3  # of the windows
_LONGEST = 60.0  # seconds that exposure_times may have
_PAUSE = 1.5  # times the interval between frames, from which on it is one

Estimate = Callable[[Sequence[Pixels]], list[float]]


@dataclass(frozen=True)
class Suggestion:
    """Topics that look like a bracket.

    Attributes:
        why: What was seen, for people.
        settings: Node parameters by name.
        metadata_topic: What `~/meta` has to be; '' where there is none.
        complete: Whether exposures are known, so that the bag can be fused by this.
    """

    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    metadata_topic: str = ''
    complete: bool = True

    @property
    def parameters(self) -> dict[str, Any]:
        """All of it as node parameters, without a remapping."""
        told = {'metadata_topics': (self.metadata_topic,)} if self.metadata_topic else {}
        return told | self.settings

    def launch_line(self, bag: str) -> str:
        """The command that plays the bag and fuses it."""
        words = [f'{name}:={_text(value)}' for name, value in self.settings.items()]
        words += [f'metadata_topic:={self.metadata_topic}'] if self.metadata_topic else []
        command = ['ros2', 'launch', 'ddfnet_ros', 'fuse.launch.py', f'bag:={bag}']
        return shlex.join([*command, *words])


def suggestions(found: Survey, estimate: Estimate) -> list[Suggestion]:
    """What may be fused, the surest first.

    Args:
        found: What the bag holds.
        estimate: Gives the relative exposures of pictures of one scene; ValueError where it
            cannot.
    """
    usable = [topic for topic in found.images if len(topic.stamps_ns) > 1]
    told = [s for topic in usable for s in _by_metadata(topic, found.metadata)]
    parallel = _parallel(usable, found.metadata, estimate)
    known = {name for s in told + parallel for name in s.settings['image_topics']}
    seen = [s for topic in usable if topic.name not in known
            for s in _by_brightness(topic, estimate)]
    return sorted(told + parallel + seen, key=lambda s: not s.complete)


def told_suggestions(found: Survey) -> list[Suggestion]:
    """Those whose exposures the bag itself tells."""
    return [suggestion for suggestion in suggestions(found, _unknown) if suggestion.complete]


def _unknown(_pictures: Sequence[Pixels]) -> list[float]:
    raise ValueError


def _by_metadata(topic: ImageTopic, metadata: Sequence[MetadataTopic]) -> list[Suggestion]:
    """One topic whose metadata tells of several exposures."""
    for source in metadata:
        told = _told(topic, source)
        levels = _levels(told)
        if MIN_FRAMES <= len(levels) <= MAX_FRAMES and len(told) >= 2 * len(levels):
            why = (f'{topic.name} interleaves {len(levels)} exposures '
                   f'({_described(levels, told)}, told by {source.name})')
            settings = {'image_topics': (topic.name,), 'exposure_source': source.source,
                        'bracket_size': len(levels)}
            return [Suggestion(why, settings | _span(topic, len(levels)), source.name)]
    return []


def _told(topic: ImageTopic, source: MetadataTopic) -> list[FrameMetadata]:
    """What is told of a topic's images."""
    return [known for stamp in topic.stamps_ns if (known := source.told.get(stamp))]


def _levels(told: Sequence[FrameMetadata]) -> list[float]:
    """Different exposures times gain from short to long [s], none within 20 % of the next."""
    clusters: list[list[float]] = []
    for exposure in sorted(known.exposure_time * known.gain for known in told):
        if clusters and math.log(exposure / clusters[-1][-1]) < MIN_STEP:
            clusters[-1].append(exposure)
        else:
            clusters.append([exposure])
    return [float(np.median(cluster)) for cluster in clusters]


def _described(levels: Sequence[float], told: Sequence[FrameMetadata]) -> str:
    """Exposure times as they may be set; levels times gain where the gain is not always one."""
    gain, *others = {known.gain for known in told}
    if others:
        return f'exposure x gain {_milliseconds(levels)}'
    at = '' if gain == 1 else f' at gain {gain:g}'
    return _milliseconds([level / gain for level in levels]) + at


def _by_brightness(topic: ImageTopic, estimate: Estimate) -> list[Suggestion]:
    """One topic whose images become darker and brighter in turns."""
    if topic.problem or not (size := cycle_of(topic.brightness)):
        return []
    start = _first_of_cycle(topic, size)
    times, how = _relative(topic.thumbnails[start:start + size], estimate)
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
    return bool(steps.min() > max(_MIN_STOPS, _CLEAR * noise))


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


def _parallel(topics: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
              estimate: Estimate) -> list[Suggestion]:
    """Topics of one camera and one exposure each: alike, in step, and of different brightness."""
    groups: list[list[ImageTopic]] = []
    for topic in topics:
        home = next((g for g in groups if all(_in_step(topic, other) for other in g)), None)
        if home is None:
            groups.append([topic])
        else:
            home.append(topic)
    return [s for group in groups if MIN_FRAMES <= len(group) <= MAX_FRAMES
            for s in _parallel_group(group, metadata, estimate)]


def _in_step(one: ImageTopic, other: ImageTopic) -> bool:
    """Whether two topics have images of one kind, at one rate, and a constant time apart."""
    alike = (one.size, one.msgtype, one.encoding) == (other.size, other.msgtype, other.encoding)
    if not alike or not one.interval or not 0.9 < one.interval / (other.interval or 1) < 1.1:
        return False
    stamps = np.sort(other.stamps_ns)
    places = np.clip(np.searchsorted(stamps, one.stamps_ns), 1, len(stamps) - 1)
    before, after = stamps[places - 1], stamps[places]
    own = np.array(one.stamps_ns)
    offsets = np.where(own - before < after - own, before - own, after - own) * 1e-9
    near = np.abs(offsets - np.median(offsets)) < 0.1 * one.interval
    return bool(near.mean() > 0.8)


def _parallel_group(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic],
                    estimate: Estimate) -> list[Suggestion]:
    if (told := _parallel_told(group, metadata)) is not None:
        return told
    if any(topic.problem or cycle_of(topic.brightness) for topic in group):
        return []
    order_seen = sorted(group, key=lambda topic: float(np.median(topic.brightness)))
    stops = np.log2([max(float(np.median(topic.brightness)), 1e-6) for topic in order_seen])
    if any(b - a < _MIN_STOPS for a, b in pairwise(stops)):
        return []  # a stereo pair, or cameras around a car
    times, how = _relative([topic.thumbnails[0] for topic in order_seen], estimate)
    names = tuple(topic.name for topic in order_seen)
    settings: dict[str, Any] = {'image_topics': names}
    settings |= {'exposure_times': times} if times else {'bracket_size': len(names)}
    return [Suggestion(f'{", ".join(names)}: in step, alike, and each brighter than the one '
                       f'before; {how}', settings, complete=False)]


def _parallel_told(group: Sequence[ImageTopic], metadata: Sequence[MetadataTopic]
                   ) -> list[Suggestion] | None:
    """What metadata say of a group: a bracket, or none; nothing where they are silent."""
    if not metadata:
        return None
    tellers = {topic.name: max(metadata, key=lambda source: len(_told(topic, source)))
               for topic in group}
    told = {topic.name: _told(topic, tellers[topic.name]) for topic in group}
    levels = {name: _levels(known) for name, known in told.items()}
    kinds = {teller.source for teller in tellers.values()}
    if len(kinds) != 1 or any(len(found) != 1 for found in levels.values()):
        return None
    order = sorted(levels, key=lambda name: levels[name])
    exposures = [levels[name][0] for name in order]
    if any(math.log(b / a) < MIN_STEP for a, b in pairwise(exposures)):
        return []
    names = tuple(tellers[name].name for name in order)
    described = _described(exposures, [known for name in order for known in told[name]])
    why = (f'{", ".join(order)}: one exposure each ({described}, told by '
           f'{", ".join(dict.fromkeys(names))})')
    settings: dict[str, Any] = {
        'image_topics': tuple(order), 'exposure_source': kinds.pop(),
        'bracket_size': len(order)}
    if len(set(names)) == 1:
        return [Suggestion(why, settings, names[0])]
    return [Suggestion(why, settings | {'metadata_topics': names})]


def _relative(pictures: Sequence[Pixels], estimate: Estimate) -> tuple[tuple[float, ...], str]:
    """Exposures relative to the shortest, and how they are known; () where they are not."""
    try:
        ratios = estimate(pictures)
    except ValueError:
        return (), 'set exposure_times to the camera\'s'
    unit = 1.0 if max(ratios) <= _LONGEST else 1e-3
    times = tuple(float(f'{ratio * unit:.3g}') for ratio in ratios)
    if any(abs(math.log(a / b)) < MIN_STEP for a, b in combinations(times, 2)):
        return (), 'set exposure_times to the camera\'s'
    return times, 'exposure_times are ratios estimated from the pictures: the camera\'s are better'


def _span(topic: ImageTopic, size: int) -> dict[str, float]:
    """A `max_span` for cameras so slow that the default would drop all brackets."""
    needed = _PAUSE * size * topic.interval
    return {'max_span': _rounded(needed)} if needed > 0.5 else {}


def _rounded(seconds: float) -> float:
    return float(f'{seconds:.6g}')


def _milliseconds(exposures: Sequence[float]) -> str:
    return ', '.join(f'{exposure * 1e3:.4g}' for exposure in exposures) + ' ms'


def _text(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return value[0] if len(value) == 1 else f'[{", ".join(map(str, value))}]'
