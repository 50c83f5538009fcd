# SPDX-License-Identifier: Apache-2.0
"""Render exposures of the street: radiance averaged over the time that the shutter is open."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ddfnet_ros.synthesis.street import ground
from ddfnet_ros.synthesis.street.actors import Actor
from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.layer import Layer, draw
from ddfnet_ros.synthesis.street.light import Light
from ddfnet_ros.synthesis.street.plate import Plate
from ddfnet_ros.synthesis.street.projection import StreetCamera

# Point spread of the lens, a sum of Gaussians: share and width [px] of each.
_POINT_SPREAD = ((0.92, 0.40), (0.05, 2.2), (0.02, 8.0), (0.01, 30.0))
# Radiance above the first is compressed towards the second: the shortest exposure never clips.
_LINEAR_UP_TO, _CEILING = 0.55, 0.98
_GLOSS_OF_ROAD = 0.30
_MIDDLE = 0.7  # height at which an object's motion in the picture is measured [m]
_LOWEST_SUN = 0.03  # sine of the sun's elevation below which no shadows are drawn


@dataclass(frozen=True, eq=False, kw_only=True)
class Street:
    """The scene in front of the camera.

    Attributes:
        camera: Camera and its view.
        light: Light of sky and sun.
        plate: Static background.
        actors: Objects to draw on it.
    """

    camera: StreetCamera
    light: Light
    plate: Plate
    actors: tuple[Actor, ...]


def expose_street(street: Street, opened: float, seconds: float, instants: int) -> Array:
    """Mean radiance (H, W, 3), float32, while the shutter is open.

    Args:
        street: The scene.
        opened: Time at which the shutter opens [s].
        seconds: Exposure time [s].
        instants: Number of instants to render; moving objects are blurred from one to the next.
    """
    total = np.zeros((street.camera.height, street.camera.width, 3), np.float32)
    step = seconds / instants
    for k in range(instants):
        total += _render_instant(street, opened + (k + 0.5) * step, step)
    return _apply_lens(total / instants)


def _render_instant(street: Street, seconds: float, step: float) -> Array:
    """Radiance at the middle of a time step, with motion blur over the step."""
    drawn = []
    sky = np.ones((street.camera.height, street.camera.width), np.float32)
    sun = np.ones_like(sky)
    for actor in street.actors:
        solid = actor.at(seconds)
        sky *= ground.sky_visibility(solid, street.plate.ground, actor.length, actor.width,
                                     actor.clearance)
        if solid.sun_share > 0 and street.light.sun_direction[2] > _LOWEST_SUN:
            sun *= 1 - ground.shadow(solid, street.camera, street.light.sun_direction)
        layer = draw(solid, street.camera, street.light)
        if layer is not None:
            foot, _ = street.camera.project(np.array([[solid.x, solid.y, 0.0]]))
            drawn.append((_blur_motion(layer, actor, street, seconds, step), float(foot[0, 1])))
    soft = cv2.GaussianBlur(sun, (0, 0), 0.7)[..., None]
    picture: Array = street.plate.shaded + soft * (street.plate.sunlit - street.plate.shaded)
    picture *= sky[..., None]
    drawn.sort(key=lambda entry: -entry[0].distance)
    for layer, foot_row in drawn:
        slope = np.clip((foot_row - street.camera.horizon) / street.camera.focal, 0.02, 1)
        ground.reflect(layer, picture, _GLOSS_OF_ROAD * float(np.exp(-6 * slope)), foot_row)
    for layer, _ in drawn:
        layer.over(picture)
    return picture


def _blur_motion(layer: Layer, actor: Actor, street: Street, seconds: float, step: float) -> Layer:
    """Blur a layer along its motion during `step`."""
    if actor.course is None:
        return layer
    ends = [actor.course.at(seconds + side * step / 2)[:2] for side in (-1, 1)]
    pixels, _ = street.camera.project(np.array([[x, y, _MIDDLE] for x, y in ends]))
    motion = pixels[1] - pixels[0]
    length = float(np.hypot(*motion))
    if length < 0.5:
        return layer
    pad = int(np.ceil(length / 2)) + 1
    kernel = _line_kernel(motion, pad)
    # The edge of a layer's window is empty, except at the picture's border, where the object
    # continues: repeating the edge is right for both.
    stack = np.pad(np.dstack([layer.colour, layer.coverage]),
                   ((pad, pad), (pad, pad), (0, 0)), mode='edge')
    blurred = cv2.filter2D(stack, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return _crop_to_picture(
        blurred, layer.top - pad, layer.left - pad, layer.distance, street.camera)


def _line_kernel(motion: Array, radius: int) -> Array:
    """Kernel that averages along a vector."""
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    samples = max(2, int(4 * np.hypot(*motion)))
    for along in (np.arange(samples) + 0.5) / samples - 0.5:
        x, y = radius + along * motion
        column, row = int(x), int(y)
        u, v = x - column, y - row
        for dy, wy in ((0, 1 - v), (1, v)):
            for dx, wx in ((0, 1 - u), (1, u)):
                kernel[min(row + dy, 2 * radius), min(column + dx, 2 * radius)] += wx * wy
    average: Array = kernel / kernel.sum()
    return average


def _crop_to_picture(
    stack: Array, top: int, left: int, distance: float, camera: StreetCamera
) -> Layer:
    """Layer of colour and coverage (h, w, 4), without the parts outside the picture."""
    rows = slice(max(0, -top), stack.shape[0] - max(0, top + stack.shape[0] - camera.height))
    columns = slice(max(0, -left), stack.shape[1] - max(0, left + stack.shape[1] - camera.width))
    inside = stack[rows, columns]
    return Layer(colour=inside[..., :3], coverage=inside[..., 3], top=max(0, top),
                 left=max(0, left), distance=distance)


def _apply_lens(radiance: Array) -> Array:
    """Spread light as a lens does, and compress the brightest radiance."""
    spread = np.zeros_like(radiance)
    for share, width in _POINT_SPREAD:
        spread += share * cv2.GaussianBlur(radiance, (0, 0), width)
    room = _CEILING - _LINEAR_UP_TO
    over = np.maximum(spread - _LINEAR_UP_TO, 0)
    compressed: Array = np.where(
        over > 0, _LINEAR_UP_TO + room * np.tanh(over / (1.6 * room)), spread)
    return compressed.astype(np.float32)
