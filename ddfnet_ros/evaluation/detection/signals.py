# SPDX-License-Identifier: Apache-2.0
"""Scenes with a traffic light of known state, taken while driving towards it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.places import Place
from ddfnet_ros.evaluation.detection.view import (
    FRAMES,
    REFERENCE,
    Capture,
    Situation,
    View,
    log_uniform,
)
from ddfnet_ros.synthesis.flicker import pulsed_light
from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.layer import Solid
from ddfnet_ros.synthesis.street.signals import AMBER, BOARD, GREEN, RED, paint_signal, signal_mesh
from ddfnet_ros.synthesis.street.surface import Surface

STATES = {'red': RED, 'amber': AMBER, 'green': GREEN}
"""State name to the part of the mesh that is lit."""

_SIZE = 192  # side of the pictures [px]
_DISTANCES = (8.0, 24.0)  # range of the distance to the traffic light [m]
_STRIDE = 0.5  # largest movement of the camera between two frames [m]
_DUTY = (0.1, 0.4)  # share of a period in which a pulsed lamp is lit


@dataclass(frozen=True, eq=False, kw_only=True)
class SignalScene:
    """A bracket of one traffic light.

    Attributes:
        capture: The bracket and its radiance.
        boxes: Box of the light's board in each frame.
        state: One of `STATES`.
    """

    capture: Capture
    boxes: tuple[Box, ...]
    state: str

    @property
    def box(self) -> Box:
        """Box of the board in the reference frame."""
        return self.boxes[REFERENCE]


def signal_scene(
    place: Place, situation: Situation, state: str, random: np.random.Generator
) -> SignalScene:
    """Render a scene of one traffic light.

    Args:
        place: Background and light.
        situation: Lighting and sensor.
        state: One of `STATES`.
        random: Generator of everything random.
    """
    view = View(place, situation, _SIZE, random)
    lamp = log_uniform(situation.lamp, random) * view.white / view.ambient
    glow = lamp * _lamp_light(situation, view.exposure, random)
    solids = [_light_up(solid, STATES[state], radiance) for solid, radiance in zip(
        _approach(view.camera.yaw, random), glow.tolist(), strict=True)]
    boxes = tuple(Box.around(solid, camera, BOARD)
                  for solid, camera in zip(solids, view.cameras, strict=True))
    if situation.sun:
        x, y = boxes[REFERENCE].middle
        aside, above = random.uniform(-1, 1, 2) * boxes[REFERENCE].height
        view.add_sun(x + aside, y + above)
    return SignalScene(capture=view.take([[solid] for solid in solids], random), boxes=boxes,
                       state=state)


def _approach(yaw: float, random: np.random.Generator) -> list[Solid]:
    """The traffic light in each frame, approaching, at a random angle to the camera."""
    azimuth = yaw + random.uniform(-0.2, 0.2)
    distance = random.uniform(*_DISTANCES)
    stride = _STRIDE * random.random()
    heading = azimuth + np.pi + random.uniform(-0.5, 0.5)
    sun_share = float(random.random() < 0.5)
    mesh = signal_mesh()
    return [
        Solid(mesh=mesh, paint=_paint_black, x=away * np.sin(azimuth), y=away * np.cos(azimuth),
              heading=heading, sun_share=sun_share)
        for away in (distance - stride * (k - REFERENCE) for k in range(FRAMES))]


def _paint_black(part: Indices, _local: Array, _normals: Array, _towards: Array) -> Surface:
    return Surface.uniform(len(part), (0.0, 0.0, 0.0))


def _light_up(solid: Solid, lamp: int, radiance: float) -> Solid:
    def paint(part: Indices, local: Array, _normals: Array, _towards: Array) -> Surface:
        return paint_signal((lamp,), radiance, part, local)

    return replace(solid, paint=paint)


def _lamp_light(
    situation: Situation, exposure: Array, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Light of the lamp in each frame, relative to its mean; pulses make it vary."""
    if not situation.pulsed:
        return np.ones(FRAMES)
    duty = random.uniform(*_DUTY)
    # The reference is exposed for at least one period; the shortest frame fits between two pulses.
    shortest = random.uniform(1 / exposure[REFERENCE], 0.9 * (1 - duty))
    phase = random.random(FRAMES)
    phase[0] = random.uniform(duty, 1 - shortest)
    light: npt.NDArray[np.float64] = pulsed_light(
        torch.from_numpy(shortest * exposure), torch.tensor(duty, dtype=torch.float64),
        torch.from_numpy(phase)).numpy()
    return light
