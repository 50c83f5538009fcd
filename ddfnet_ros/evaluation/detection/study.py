# SPDX-License-Identifier: Apache-2.0
"""The detection study: all sources on the same scenes of traffic lights and people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.classifier import (
    StateNet,
    draw_labelled_crops,
    train,
    well_exposed,
)
from ddfnet_ros.evaluation.detection.crops import Aim, Picture, crop_box, white_of
from ddfnet_ros.evaluation.detection.people import PeopleDetector, people_scene
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.scores import Detections, Score, recall
from ddfnet_ros.evaluation.detection.signals import STATES, SignalScene, signal_scene
from ddfnet_ros.evaluation.detection.sources import FRAMES, sources_of
from ddfnet_ros.evaluation.detection.view import REFERENCE, SITUATIONS
from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.runtime.deghoster import Deghoster

Scores = dict[str, dict[str, Score]]
"""Source name to situation name to score."""

WELL_EXPOSED = 'well exposed'
"""Source: a frame exposed for the object to detect, which a camera cannot know in advance."""

RE_EXPOSED = 'exposed anew'
"""Source: a crop of the radiance, exposed for that crop."""

FALSE_ALARMS = 0.5
"""Allowed false alarms per picture, for each source and situation."""

PEOPLE_SITUATIONS = ('day', 'backlight', 'night')

_TRAINING_SITUATIONS = ('day', 'backlight', 'night')  # no pulsed: well exposed, it looks like day
_HEADROOM = 1.25  # white level of well-exposed crops over `white_of`


def train_classifier(places: Sequence[Place], scenes: int, seed: int) -> StateNet:
    """Train the traffic-light classifier on well-exposed crops of scenes in these places."""
    random = np.random.default_rng(seed)
    signals = _draw_signals(places, _TRAINING_SITUATIONS, scenes, random)
    return train(draw_labelled_crops(signals, random), seed)


def read_signals(
    places: Sequence[Place], deghoster: Deghoster, net: StateNet, scenes: int, seed: int
) -> Scores:
    """Accuracy of traffic-light states, by source and situation.

    Args:
        places: Places of the test scenes, other than those of the training.
        deghoster: The model of `FUSED`.
        net: The classifier.
        scenes: Number of scenes per situation; places take turns.
        seed: Random seed of the scenes.
    """
    random = np.random.default_rng(seed)
    hits: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SITUATIONS, 0))
    for situation in SITUATIONS:
        for scene in _draw_signals(places, [situation], scenes, random):
            crops = crops_of(scene, deghoster, random)
            for name, state in zip(crops, net.read(list(crops.values())), strict=True):
                hits[name][situation] += state == scene.state
    return {name: {situation: Score.of(count, scenes) for situation, count in found.items()}
            for name, found in hits.items()}


def crops_of(
    scene: SignalScene, deghoster: Deghoster, random: np.random.Generator
) -> dict[str, Picture]:
    """Crops of the traffic light in every source, all with the same aim."""
    aim = Aim.random(random)
    sources = sources_of(scene.capture.bracket, deghoster)
    crops = {WELL_EXPOSED: well_exposed(scene, aim, _HEADROOM, random)}
    for name, picture in sources.pictures.items():
        crops[name] = crop_box(picture, scene.boxes[_frame_index(name)], aim)
    for name, radiance in sources.radiance.items():
        crop = crop_box(radiance, scene.box, aim)
        ldr = np.clip(crop / (_HEADROOM * white_of(crop)), 0, 1) ** (1 / GAMMA)
        crops[f'{name}, {RE_EXPOSED}'] = ldr.astype(np.float32)
    return crops


def find_people(
    places: Sequence[Place], deghoster: Deghoster, detector: PeopleDetector, scenes: int, seed: int
) -> Scores:
    """Recall of people at `FALSE_ALARMS`, by source and situation; see `read_signals`."""
    random = np.random.default_rng(seed)
    scores: Scores = defaultdict(dict)
    for situation in PEOPLE_SITUATIONS:
        found: dict[str, list[Detections]] = defaultdict(list)
        truth: dict[str, list[Sequence[Box]]] = defaultdict(list)
        for index in tqdm(range(scenes), f'people, {situation}', leave=False, disable=None):
            scene = people_scene(places[index % len(places)], SITUATIONS[situation], random)
            pictures = {WELL_EXPOSED: scene.well_exposed(random),
                        **sources_of(scene.capture.bracket, deghoster).pictures}
            for name, picture in pictures.items():
                found[name].append(detector.find(picture))
                truth[name].append(scene.boxes[_frame_index(name)])
        for name, detections in found.items():
            scores[name][situation] = recall(detections, truth[name], FALSE_ALARMS)
    return dict(scores)


def _draw_signals(
    places: Sequence[Place], situations: Sequence[str], scenes: int, random: np.random.Generator
) -> Iterator[SignalScene]:
    """Draw scenes: places and situations in turn, states at random."""
    states = list(STATES)
    for index in tqdm(range(scenes), f'signals, {", ".join(situations)}', leave=False,
                      disable=None):
        yield signal_scene(places[index % len(places)],
                           SITUATIONS[situations[index % len(situations)]],
                           states[int(random.integers(len(states)))], random)


def _frame_index(name: str) -> int:
    """Index of the frame whose instant a source shows."""
    return FRAMES.index(name) if name in FRAMES else REFERENCE
