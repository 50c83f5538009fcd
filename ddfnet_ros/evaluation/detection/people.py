# SPDX-License-Identifier: Apache-2.0
"""Brackets of people who walk by, and a detector that was trained on photographs of others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.stage import (
    FRAMES,
    REFERENCE,
    Situation,
    Taken,
    View,
    metered_white,
)
from ddfnet_ros.synthesis.street.actors import Actor, Course, walker
from ddfnet_ros.synthesis.street.figures import Person

Picture = npt.NDArray[np.float32]

_SIZE = 288  # side of the pictures [px]
_AZIMUTHS = (-0.32, 0.0, 0.32)  # where the people are, roughly [rad]
_DISTANCES = (4.0, 8.0)  # of them [m]
_INTERVAL = 1 / 30  # between two frames [s]
_ENLARGED = 2  # the detector's people are 96 pixels high
# Share of a window's height that a person takes. Dalal and Triggs 2005: 96 of 128 pixels; this
# fits what is found on well-exposed frames in other places than those of the test.
_IN_WINDOW = 0.8


@dataclass(frozen=True, eq=False, kw_only=True)
class PeopleScene:
    """Three people.

    Attributes:
        taken: The bracket.
        boxes: Around each person, for each frame.
    """

    taken: Taken
    boxes: tuple[tuple[Box, ...], ...]

    def well_exposed(self, random: np.random.Generator) -> Picture:
        """A frame of the reference's instant, exposed for the mean of the people's boxes."""
        inside = [self.taken.radiance[round(box.top):round(box.bottom),
                                      max(round(box.left), 0):round(box.right)].reshape(-1, 3)
                  for box in self.boxes[REFERENCE]]
        return self.taken.taken_anew(metered_white(np.concatenate(inside)), random)


def people_scene(place: Place, situation: Situation, random: np.random.Generator) -> PeopleScene:
    """Render one scene."""
    stage = View(place, situation, _SIZE, random)
    people = sorted((_pedestrian(stage.camera.yaw + azimuth, random) for azimuth in _AZIMUTHS),
                    key=_distance, reverse=True)
    solids = [[person.at(k * _INTERVAL) for person in people] for k in range(FRAMES)]
    boxes = tuple(tuple(Box.around(solid, camera) for solid in present)
                  for present, camera in zip(solids, stage.cameras, strict=True))
    if situation.sun:
        nearby = boxes[REFERENCE][int(random.integers(len(people)))]
        stage.add_sun(nearby.middle[0] + random.uniform(-0.5, 0.5) * nearby.height,
                      nearby.top + random.uniform(-0.5, 0.2) * nearby.height)
    return PeopleScene(taken=stage.take(solids, random), boxes=boxes)


def _pedestrian(azimuth: float, random: np.random.Generator) -> Actor:
    """Somebody in muted clothes who walks to a side."""
    azimuth += random.uniform(-0.05, 0.05)
    distance = random.uniform(*_DISTANCES)
    across = azimuth + random.choice((-1, 1)) * np.pi / 2
    course = Course(x=distance * np.sin(azimuth), y=distance * np.cos(azimuth),
                    heading=across + random.uniform(-0.9, 0.9), speed=random.uniform(0.8, 1.8))
    person = Person(
        height=random.uniform(1.6, 1.9), coat=_cloth(random), trousers=_cloth(random),
        coat_length=random.uniform(0.1, 0.4), bag=bool(random.random() < 0.3),
        long_hair=bool(random.random() < 0.5), girth=random.uniform(0.9, 1.1))
    sun_share = float(random.random() < 0.5)
    return walker(person, course, lambda _x, _y: sun_share, random.uniform(0, 2 * np.pi))


def _cloth(random: np.random.Generator) -> tuple[float, float, float]:
    level = 0.03 * 15 ** random.random()
    red, green, blue = (level * np.exp(0.25 * random.standard_normal(3))).tolist()
    return red, green, blue


def _distance(actor: Actor) -> float:
    solid = actor.at(0.0)
    return float(np.hypot(solid.x, solid.y))


class PeopleDetector:
    """Histograms of oriented gradients with the weights that OpenCV 4 carries.

    Source: Dalal and Triggs 2005; its people are photographs.
    """

    name = 'HOG of OpenCV 4'

    def __init__(self) -> None:
        """Get the weights.

        Raises:
            ValueError: an OpenCV without them; says what to do.
        """
        if not hasattr(cv2, 'HOGDescriptor'):
            raise ValueError(
                f'people: expected OpenCV 4, got {cv2.__version__}, which has no HOGDescriptor; '
                "run where pip install 'opencv-python-headless<5' was, or leave people out")
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def find(self, picture: Picture) -> list[tuple[float, Box]]:
        """Scores and boxes of people in a picture (H, W, 3) in [0, 1]."""
        pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        large = cv2.resize(pixels[..., ::-1], None, fx=_ENLARGED, fy=_ENLARGED,
                           interpolation=cv2.INTER_CUBIC)
        windows, scores = self._hog.detectMultiScale(
            large, hitThreshold=-0.5, winStride=(8, 8), padding=(16, 16), scale=1.08)
        return [(float(score), _person_in(window))
                for window, score in zip(windows, np.ravel(scores), strict=True)]


def _person_in(window: npt.NDArray[np.int32]) -> Box:
    left, top, width, height = (float(edge) / _ENLARGED for edge in window)
    return Box(left, top, left + width, top + height).of_person(_IN_WINDOW)
