# SPDX-License-Identifier: Apache-2.0
"""Scenes with walking pedestrians, and OpenCV's HOG people detector."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.view import (
    FRAMES,
    REFERENCE,
    Capture,
    Situation,
    View,
    metered_white,
)
from ddfnet_ros.synthesis.street.actors import Actor, Course, walker
from ddfnet_ros.synthesis.street.figures import Person

Picture = npt.NDArray[np.float32]

_SIZE = 288  # side of the pictures [px]
_AZIMUTHS = (-0.32, 0.0, 0.32)  # approximate directions of the people [rad]
_DISTANCES = (4.0, 8.0)  # range of their distance [m]
_INTERVAL = 1 / 30  # time between two frames [s]
_SCALE = 2  # pictures are enlarged: the detector expects people of 96 pixels
# Height of a person over that of the detection window. Dalal and Triggs 2005: 96 of 128 pixels;
# this value fits detections on well-exposed frames in other places than those of the test.
_HEIGHT_IN_WINDOW = 0.8


@dataclass(frozen=True, eq=False, kw_only=True)
class PeopleScene:
    """A bracket of three walking people.

    Attributes:
        capture: The bracket and its radiance.
        boxes: Boxes of all people, one tuple per frame.
    """

    capture: Capture
    boxes: tuple[tuple[Box, ...], ...]

    def well_exposed(self, random: np.random.Generator) -> Picture:
        """A new frame of the reference's instant, exposed for the people's boxes."""
        inside = [self.capture.radiance[round(box.top):round(box.bottom),
                                      max(round(box.left), 0):round(box.right)].reshape(-1, 3)
                  for box in self.boxes[REFERENCE]]
        return self.capture.retake(metered_white(np.concatenate(inside)), random)


def people_scene(place: Place, situation: Situation, random: np.random.Generator) -> PeopleScene:
    """Render a scene of three people at random positions."""
    view = View(place, situation, _SIZE, random)
    people = sorted(
        (_random_pedestrian(view.camera.yaw + azimuth, random) for azimuth in _AZIMUTHS),
        key=_distance, reverse=True)
    solids = [[person.at(k * _INTERVAL) for person in people] for k in range(FRAMES)]
    boxes = tuple(tuple(Box.around(solid, camera) for solid in present)
                  for present, camera in zip(solids, view.cameras, strict=True))
    if situation.sun:
        nearby = boxes[REFERENCE][int(random.integers(len(people)))]
        view.add_sun(nearby.middle[0] + random.uniform(-0.5, 0.5) * nearby.height,
                     nearby.top + random.uniform(-0.5, 0.2) * nearby.height)
    return PeopleScene(capture=view.take(solids, random), boxes=boxes)


def _random_pedestrian(azimuth: float, random: np.random.Generator) -> Actor:
    """A random person in muted clothes who walks sideways."""
    azimuth += random.uniform(-0.05, 0.05)
    distance = random.uniform(*_DISTANCES)
    across = azimuth + random.choice((-1, 1)) * np.pi / 2
    course = Course(x=distance * np.sin(azimuth), y=distance * np.cos(azimuth),
                    heading=across + random.uniform(-0.9, 0.9), speed=random.uniform(0.8, 1.8))
    person = Person(
        height=random.uniform(1.6, 1.9), coat=_cloth_colour(random),
        trousers=_cloth_colour(random), coat_length=random.uniform(0.1, 0.4),
        bag=bool(random.random() < 0.3), long_hair=bool(random.random() < 0.5),
        girth=random.uniform(0.9, 1.1))
    sun_share = float(random.random() < 0.5)
    return walker(person, course, lambda _x, _y: sun_share, random.uniform(0, 2 * np.pi))


def _cloth_colour(random: np.random.Generator) -> tuple[float, float, float]:
    level = 0.03 * 15 ** random.random()
    red, green, blue = (level * np.exp(0.25 * random.standard_normal(3))).tolist()
    return red, green, blue


def _distance(actor: Actor) -> float:
    solid = actor.at(0.0)
    return float(np.hypot(solid.x, solid.y))


class PeopleDetector:
    """People detector on histograms of oriented gradients, with the weights in OpenCV 4.

    Source: Dalal and Triggs 2005; it was trained on photographs.
    """

    name = 'HOG of OpenCV 4'

    def __init__(self) -> None:
        """Load the weights.

        Raises:
            ValueError: this OpenCV has no HOG detector; the message says what to do.
        """
        if not hasattr(cv2, 'HOGDescriptor'):
            raise ValueError(
                f'people: expected OpenCV 4, got {cv2.__version__}, which has no HOGDescriptor; '
                "run where pip install 'opencv-python-headless<5' was, or leave people out")
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def find(self, picture: Picture) -> list[tuple[float, Box]]:
        """Detect people in a picture (H, W, 3) in [0, 1]; returns scores and boxes."""
        pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        large = cv2.resize(pixels[..., ::-1], None, fx=_SCALE, fy=_SCALE,
                           interpolation=cv2.INTER_CUBIC)
        windows, scores = self._hog.detectMultiScale(
            large, hitThreshold=-0.5, winStride=(8, 8), padding=(16, 16), scale=1.08)
        return [(float(score), _person_box(window))
                for window, score in zip(windows, np.ravel(scores), strict=True)]


def _person_box(window: npt.NDArray[np.int32]) -> Box:
    left, top, width, height = (float(edge) / _SCALE for edge in window)
    return Box(left, top, left + width, top + height).with_person_width(_HEIGHT_IN_WINDOW)
