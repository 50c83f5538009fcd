# SPDX-License-Identifier: Apache-2.0
"""Who reads traffic lights and finds people best: all sources on the same scenes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.classifier import StateNet, lesson_of, train, well_exposed
from ddfnet_ros.evaluation.detection.crops import Aim, Picture, cut, white_of
from ddfnet_ros.evaluation.detection.people import PeopleDetector, people_scene
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.scores import Found, Score, recall
from ddfnet_ros.evaluation.detection.signals import STATES, SignalScene, signal_scene
from ddfnet_ros.evaluation.detection.sources import FRAMES, sources_of
from ddfnet_ros.evaluation.detection.stage import REFERENCE, SITUATIONS
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.runtime.deghoster import Deghoster

Scores = dict[str, dict[str, Score]]
"""Name of a source to name of a situation to its score."""

WELL_EXPOSED = 'well exposed'
"""Of scenes of the test: a frame exposed for what is looked for, which no camera knows before."""

ANEW = 'exposed anew'
"""A crop of radiance, exposed for itself."""

FALSE_ALARMS = 0.5
"""Boxes per picture that match nobody, for each source and situation."""

PEOPLE_SITUATIONS = ('day', 'backlight', 'night')

_LESSONS = ('day', 'backlight', 'night')  # a pulsed lamp that is well exposed is a lamp by day
_HEADROOM = 1.25  # white over what `white_of` finds, of crops that are exposed for themselves


def taught(places: Sequence[Place], scenes: int, seed: int) -> StateNet:
    """Train the classifier on well-exposed crops of scenes in these places."""
    random = np.random.default_rng(seed)
    return train(lesson_of(_signals(places, _LESSONS, scenes, random), random), seed)


def read_signals(
    places: Sequence[Place], deghoster: Deghoster, net: StateNet, scenes: int, seed: int
) -> Scores:
    """Accuracy of the state of traffic lights.

    Args:
        places: Others than those of the lessons.
        deghoster: Ours.
        net: The classifier.
        scenes: Per situation; every place in turn.
        seed: Of everything random.
    """
    random = np.random.default_rng(seed)
    hits: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SITUATIONS, 0))
    for situation in SITUATIONS:
        for scene in _signals(places, [situation], scenes, random):
            crops = crops_of(scene, deghoster, random)
            for name, state in zip(crops, net.read(list(crops.values())), strict=True):
                hits[name][situation] += state == scene.state
    return {name: {situation: Score.of(count, scenes) for situation, count in found.items()}
            for name, found in hits.items()}


def crops_of(
    scene: SignalScene, deghoster: Deghoster, random: np.random.Generator
) -> dict[str, Picture]:
    """The traffic light in every source, all cut out by the same aim."""
    aim = Aim.random(random)
    sources = sources_of(scene.taken.bracket, deghoster)
    crops = {WELL_EXPOSED: well_exposed(scene, aim, _HEADROOM, random)}
    for name, picture in sources.pictures.items():
        crops[name] = cut(picture, scene.boxes[_instant(name)], aim)
    for name, radiance in sources.radiance.items():
        crop = cut(radiance, scene.box, aim)
        ldr = np.clip(crop / (_HEADROOM * white_of(crop)), 0, 1) ** (1 / GAMMA)
        crops[f'{name}, {ANEW}'] = ldr.astype(np.float32)
    return crops


def find_people(
    places: Sequence[Place], deghoster: Deghoster, detector: PeopleDetector, scenes: int, seed: int
) -> Scores:
    """Recall of people at `FALSE_ALARMS`; arguments as for `read_signals`."""
    random = np.random.default_rng(seed)
    scores: Scores = defaultdict(dict)
    for situation in PEOPLE_SITUATIONS:
        found: dict[str, list[Found]] = defaultdict(list)
        truth: dict[str, list[Sequence[Box]]] = defaultdict(list)
        for index in tqdm(range(scenes), f'people, {situation}', leave=False, disable=None):
            scene = people_scene(places[index % len(places)], SITUATIONS[situation], random)
            pictures = {WELL_EXPOSED: scene.well_exposed(random),
                        **sources_of(scene.taken.bracket, deghoster).pictures}
            for name, picture in pictures.items():
                found[name].append(detector.find(picture))
                truth[name].append(scene.boxes[_instant(name)])
        for name, said in found.items():
            scores[name][situation] = recall(said, truth[name], FALSE_ALARMS)
    return dict(scores)


def _signals(
    places: Sequence[Place], situations: Sequence[str], scenes: int, random: np.random.Generator
) -> Iterator[SignalScene]:
    """Places and situations in turn, states at random."""
    states = list(STATES)
    for index in tqdm(range(scenes), f'signals, {", ".join(situations)}', leave=False,
                      disable=None):
        yield signal_scene(places[index % len(places)],
                           SITUATIONS[situations[index % len(situations)]],
                           states[int(random.integers(len(states)))], random)


def _instant(name: str) -> int:
    """Place of the frame whose instant a source shows."""
    return FRAMES.index(name) if name in FRAMES else REFERENCE
