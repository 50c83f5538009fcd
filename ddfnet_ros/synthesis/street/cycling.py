# SPDX-License-Identifier: Apache-2.0
"""A bicycle and its rider.

Object coordinates [m]: x forward, y to the left, z up; the origin is on the ground between the
wheels.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.figures import (
    PARTS,
    SHANK,
    THIGH,
    Person,
    arm_mesh,
    body_mesh,
    leg_mesh,
    paint_person,
)
from ddfnet_ros.synthesis.street.mesh import Mesh, box, join_meshes, loft, tube
from ddfnet_ros.synthesis.street.surface import Surface

FRAME, TYRE, SPOKES, LAMP = range(PARTS, PARTS + 4)

_WHEEL, _BASE = 0.335, 0.53  # radius of the wheels; half the wheelbase [m]
_CRANK, _GEAR = 0.17, 2.6  # length of the cranks [m]; turns of the wheel per turn of the pedals
_FOOT = -0.15  # pitch of the feet on the pedals [rad]
_BOTTOM = np.array([-0.05, 0.0, 0.29])  # axle of the cranks
_SADDLE = np.array([-0.24, 0.0, 0.95])
_BARS = np.array([0.36, 0.0, 1.02])


def pedal_phase(ridden: float) -> float:
    """Angle of the cranks after `ridden` metres [rad]."""
    return float(ridden / _WHEEL / _GEAR)


def rider_mesh(person: Person, phase: float) -> Mesh:
    """Bicycle and rider, with the cranks at angle `phase` [rad]."""
    hip = _SADDLE + np.array([0.02, 0, 0.06])
    parts = [*_wheels(), *_frame()]
    for side in (1, -1):
        turn = -phase + (0 if side > 0 else np.pi)
        pedal = _BOTTOM + np.array([_CRANK * np.cos(turn), side * 0.11, _CRANK * np.sin(turn)])
        ankle = pedal + np.array([-0.06, 0, 0.09])
        top = hip + np.array([0, side * 0.09, 0])
        parts += leg_mesh(np.stack([_middle_joint(top, ankle, THIGH, SHANK), ankle]),
                          (float(top[0]), float(top[1]), float(top[2])), person.girth, _FOOT)
        parts.append(tube(np.stack([_BOTTOM + [0, side * 0.06, 0], pedal]), (0.014, 0.014),
                          FRAME, 6))
        grip = _BARS + np.array([0.02, side * 0.24, 0.03])
        shoulder = hip + np.array([0.29, side * 0.165, 0.46])
        elbow = 0.5 * (shoulder + grip) + [-0.04, side * 0.04, -0.06]
        parts += arm_mesh(np.stack([shoulder, elbow, grip]), person.girth)
    upper = join_meshes(body_mesh(person, float(hip[2]), 0.62, 0.0))
    return join_meshes([*parts, upper.transform(np.eye(3), np.array([hip[0], 0.0, 0.0]))])


def _middle_joint(start: Array, end: Array, first: float, second: float) -> Array:
    """Position of the joint between two bones of lengths `first` and `second`, bent forward."""
    line = end - start
    reach = min(float(np.linalg.norm(line)), 0.995 * (first + second))
    along = (first**2 - second**2 + reach**2) / (2 * reach)
    aside = np.sqrt(max(first**2 - along**2, 0.0))
    straight = line / np.linalg.norm(line)
    forward = np.array([-straight[2], 0.0, straight[0]])
    joint: Array = start + along * straight + aside * forward * np.sign(forward[0])
    return joint


def _wheels() -> list[Mesh]:
    parts = []
    turn = np.linspace(0, 2 * np.pi, 33)
    ring = np.arange(8) / 8 * 2 * np.pi
    for x in (-_BASE, _BASE):
        radius = _WHEEL - 0.018 + 0.018 * np.cos(ring)
        sections = np.stack([
            x + np.cos(turn)[:, None] * radius,
            np.broadcast_to(0.018 * np.sin(ring), (33, 8)),
            _WHEEL + np.sin(turn)[:, None] * radius], -1)
        parts.append(loft(sections, TYRE))
        hub = np.array([x, 0, _WHEEL])
        for angle in np.arange(9) / 9 * 2 * np.pi:
            rim = hub + (_WHEEL - 0.03) * np.array([np.cos(angle), 0, np.sin(angle)])
            parts.append(tube(np.stack([hub, rim]), (0.004, 0.002), SPOKES, 3))
    return parts


def _frame() -> list[Mesh]:
    head = np.array([0.33, 0, 0.86])
    joints = [(_BOTTOM, _SADDLE), (_BOTTOM, head), (_SADDLE - [0, 0, 0.15], head),
              (_BOTTOM, np.array([-_BASE, 0, _WHEEL])),
              (_SADDLE - [0, 0, 0.2], np.array([-_BASE, 0, _WHEEL])),
              (head - [0, 0, 0.12], np.array([_BASE, 0, _WHEEL])), (head, _BARS)]
    parts = [tube(np.stack(ends), (0.020, 0.020), FRAME, 8) for ends in joints]
    grips = [_BARS + [0.02, y, 0.03] for y in (-0.28, -0.1, 0.1, 0.28)]
    parts += [tube(np.stack(ends), (0.014, 0.014), FRAME, 6) for ends in pairwise(grips)]
    parts.append(box(_SADDLE + [-0.13, -0.07, -0.03], _SADDLE + [0.12, 0.07, 0.02], FRAME))
    lamp = np.array([-_BASE + 0.02, 0, 0.66])
    parts.append(box(lamp - [0.03, 0.025, 0.03], lamp + [0.0, 0.025, 0.03], LAMP))
    return parts


def paint_rider(person: Person, part: Indices, local: Array) -> Surface:
    """Materials of the points of rider and bicycle, with the tail light on."""
    bicycle = part >= PARTS
    surface = paint_person(person, np.where(bicycle, 0, part), local)
    surface.cloth[bicycle] = 0
    surface.paint(part == FRAME, (0.04, 0.06, 0.05), 0.05, 0.2)
    surface.paint(part == TYRE, (0.015, 0.015, 0.015))
    surface.paint(part == SPOKES, (0.25, 0.25, 0.25), 0.3, 0.5)
    surface.paint(part == LAMP, (0.3, 0.02, 0.02))
    surface.emission[part == LAMP] = (0.5, 0.02, 0.01)
    return surface
