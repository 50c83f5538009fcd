# SPDX-License-Identifier: Apache-2.0
"""People: a walking skeleton, and meshes of limbs and clothes around it.

Object coordinates [m]: x forward, y to the left, z up; the origin is on the ground below the hips.
Angles are in the x-z plane, positive forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.mesh import Mesh, ellipsoid, join_meshes, loft, tube
from ddfnet_ros.synthesis.street.surface import Surface

Colour = tuple[float, float, float]

COAT, TROUSERS, SKIN, HAIR, SHOES, BAG = range(6)
PARTS = 6

THIGH, SHANK = 0.43, 0.42  # lengths [m]
_STEPS_PER_METRE = 1.38  # adults at a comfortable pace
_STATURE = 1.75  # of the skeleton below [m]
_SOLE = 0.048  # half the height of a shoe [m]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Appearance and build of a person.

    Attributes:
        height: Body height [m].
        coat: Albedo of the coat.
        trousers: Albedo of the trousers.
        skin: Albedo of the skin.
        hair: Albedo of the hair.
        shoes: Albedo of the shoes.
        bag_colour: Albedo of the rucksack.
        coat_length: How far the coat reaches below the hips [m].
        bag: Whether the person wears a rucksack.
        long_hair: Whether the hair reaches the shoulders.
        girth: Factor on the widths of body and limbs.
    """

    height: float = _STATURE
    coat: Colour = (0.05, 0.06, 0.08)
    trousers: Colour = (0.03, 0.035, 0.05)
    skin: Colour = (0.36, 0.20, 0.13)
    hair: Colour = (0.03, 0.02, 0.015)
    shoes: Colour = (0.02, 0.02, 0.02)
    bag_colour: Colour = (0.10, 0.03, 0.02)
    coat_length: float = 0.12
    bag: bool = False
    long_hair: bool = False
    girth: float = 1.0


def gait_phase(walked: float) -> float:
    """Phase of the gait after `walked` metres [rad]; a cycle is two steps."""
    return float(np.pi * _STEPS_PER_METRE * walked)


def walker_mesh(person: Person, phase: float) -> Mesh:
    """Mesh of a person at a phase of the gait [rad]."""
    legs = {1: _leg_joints(phase), -1: _leg_joints(phase + np.pi)}
    # The lower shoe stands on the ground.
    hip = _SOLE - min(_shoe(leg[1], _foot_pitch(leg))[:, 2].min() for leg in legs.values())
    parts = []
    for side, leg in legs.items():
        parts += leg_mesh(leg + [0, side * 0.085, hip], (0.0, side * 0.09, hip), person.girth,
                          _foot_pitch(leg))
        parts += _swing_arm(phase + (np.pi if side > 0 else 0), side, hip, person.girth)
    parts += body_mesh(person, hip, 0.04, phase)
    return _scale_to_height(join_meshes(parts), person)


def _scale_to_height(mesh: Mesh, person: Person) -> Mesh:
    """Scale a mesh from the skeleton's size to the person's height."""
    return Mesh(vertices=mesh.vertices * (person.height / _STATURE), normals=mesh.normals,
                local=mesh.local, faces=mesh.faces, part=mesh.part)


def _leg_joints(phase: float) -> Array:
    """Positions of knee and ankle (2, 3), relative to the hip, at a phase of the gait."""
    thigh = 0.06 + 0.38 * np.sin(phase)
    swing = max(0.0, float(np.cos(phase + 0.25)))
    shank = thigh - (0.12 + 0.85 * swing**1.5)
    knee = THIGH * np.array([np.sin(thigh), 0, -np.cos(thigh)])
    return np.stack([knee, knee + SHANK * np.array([np.sin(shank), 0, -np.cos(shank)])])


def _foot_pitch(joints: Array) -> float:
    """Pitch of the foot [rad]: the heel lifts off behind, the toe rises in front."""
    shank = joints[1] - joints[0]
    return float(np.clip(0.9 * np.arctan2(shank[0], -shank[2]), -0.9, 0.25))


def _shoe(ankle: Array, pitch: float) -> Array:
    """Positions of heel, ball and toe (3, 3) of the shoe below an ankle."""
    heel = ankle + np.array([-0.035, 0, -0.04])
    toe = heel + 0.20 * np.array([np.cos(pitch), 0.0, np.sin(pitch)])
    return np.stack([heel, heel + 0.45 * (toe - heel), toe])


def leg_mesh(joints: Array, hip: tuple[float, float, float], girth: float,
             pitch: float) -> list[Mesh]:
    """Trouser leg and shoe.

    Args:
        joints: (2, 3) positions of knee and ankle [m].
        hip: Position of the hip [m].
        girth: Factor on the widths.
        pitch: Angle by which the toe points up [rad].
    """
    knee, ankle = joints
    top = np.array(hip) + np.array([0, 0, 0.03])
    thigh, shank = knee - top, ankle - knee
    path = np.stack([top, top + 0.35 * thigh, top + 0.8 * thigh, knee, knee + 0.3 * shank,
                     knee + 0.7 * shank, ankle - 0.02 * shank])
    radii = [r * girth for r in (0.098, 0.090, 0.073, 0.067, 0.066, 0.062, 0.066)]
    shoe = tube(_shoe(ankle, pitch), (0.045, _SOLE, 0.036), SHOES, 10)
    return [tube(path, radii, TROUSERS, 14), shoe]


def _swing_arm(phase: float, side: int, hip: float, girth: float) -> list[Mesh]:
    swing = 0.05 + 0.36 * np.sin(phase)
    bend = swing + 0.35 + 0.22 * max(0.0, float(np.sin(phase)))
    shoulder = np.array([0.0, side * 0.165 * girth, hip + 0.50])
    elbow = shoulder + 0.28 * np.array([np.sin(swing), side * 0.16, -np.cos(swing)])
    hand = elbow + 0.25 * np.array([np.sin(bend), -side * 0.02, -np.cos(bend)])
    return arm_mesh(np.stack([shoulder, elbow, hand]), girth)


def arm_mesh(joints: Array, girth: float) -> list[Mesh]:
    """Sleeve and hand along the positions of shoulder, elbow and wrist (3, 3)."""
    shoulder, elbow, wrist = joints
    upper, lower = elbow - shoulder, wrist - elbow
    path = np.stack([shoulder + np.array([0, 0, 0.035]), shoulder, shoulder + 0.5 * upper, elbow,
                     elbow + 0.5 * lower, wrist])
    radii = [r * girth for r in (0.045, 0.072, 0.060, 0.054, 0.048, 0.043)]
    return [tube(path, radii, COAT, 12),
            ellipsoid(wrist + 0.2 * lower, (0.036, 0.027, 0.055), SKIN, 6, 8)]


def body_mesh(person: Person, hip: float, lean: float, phase: float) -> list[Mesh]:
    """Torso, head and rucksack.

    Args:
        person: The person.
        hip: Height of the hips [m].
        lean: Forward lean of the torso, in metres per metre of height.
        phase: Phase of the gait, with which the hem sways [rad].
    """
    g, hem = person.girth, person.coat_length
    # Height above the hip, half depth, half width, forward shift [m].
    rings = ((-hem, 0.02, 0.03, 0.0), (-hem, 0.130, 0.180, 0.01), (-0.5 * hem, 0.126, 0.176, 0.0),
             (0.02, 0.120, 0.170, 0.0), (0.14, 0.108, 0.155, 0.005), (0.28, 0.114, 0.165, 0.01),
             (0.40, 0.118, 0.178, 0.012), (0.47, 0.108, 0.176, 0.01),
             (0.515, 0.090, 0.150, 0.005), (0.550, 0.070, 0.100, 0.005),
             (0.575, 0.062, 0.066, 0.012), (0.605, 0.060, 0.060, 0.018))
    sway = 0.03 * np.cos(phase)
    turn = np.arange(18) / 18 * 2 * np.pi
    sections = []
    for z, depth, width, shift in rings:
        flutter = 1 + 0.04 * np.sin(3 * turn + 4 * phase) * (z < 0)
        sections.append(np.stack([
            shift + lean * z + g * depth * np.cos(turn) * flutter + sway * (z < -0.05),
            g * width * np.sin(turn) * flutter, np.full(18, hip + z)], -1))
    parts = [loft(np.stack(sections), COAT), *_head(person, hip + 0.70, 0.045 + 0.66 * lean)]
    if person.bag:
        back = -0.150 * g + 0.3 * lean
        pack = np.array([[back, 0, hip + z] for z in (0.10, 0.14, 0.30, 0.44, 0.49)])
        parts.append(tube(pack, (0.08, 0.10, 0.105, 0.10, 0.07), BAG, 14, flatten=1.45))
    return parts


def _head(person: Person, height: float, forward: float) -> list[Mesh]:
    """Face, nose, neck and hair."""
    head = np.array([forward, 0.0, height])
    neck = np.stack([head + np.array([-0.03, 0, -0.17]), head + np.array([-0.015, 0, -0.06])])
    parts = [tube(neck, (0.054, 0.052), SKIN, 10),
             ellipsoid(head, (0.092, 0.073, 0.110), SKIN),
             ellipsoid(head + np.array([0.02, 0, -0.06]), (0.066, 0.058, 0.060), SKIN),
             ellipsoid(head + np.array([0.088, 0, -0.022]), (0.020, 0.013, 0.022), SKIN, 5, 6),
             ellipsoid(head + np.array([-0.024, 0, 0.034]), (0.092, 0.081, 0.098), HAIR)]
    if person.long_hair:
        parts.append(ellipsoid(head + np.array([-0.060, 0, -0.08]), (0.055, 0.083, 0.14), HAIR))
    return parts


def paint_person(person: Person, part: Indices, local: Array) -> Surface:
    """Materials of the points of a person; fabric has folds.

    Args:
        person: The person.
        part: (N,) part of each point.
        local: (N, 3) object coordinates of the points [m].
    """
    colours = np.array([person.coat, person.trousers, person.skin, person.hair, person.shoes,
                        person.bag_colour])
    surface = Surface.uniform(len(part), (0, 0, 0))
    x, y, z = local.T
    folds = (np.sin(23 * z + 9 * y) + np.sin(37 * z - 21 * x + 2) + np.sin(61 * y + 15 * z))
    fabric = np.isin(part, (COAT, TROUSERS, BAG))
    surface.albedo[:] = colours[part] * (1 + 0.13 * folds * fabric)[:, None]
    opening = (part == COAT) & (x > 0.04) & (np.abs(y - 0.01) < 0.012)
    surface.albedo[opening] *= 0.4
    surface.cloth[:] = np.where(fabric, 0.35, np.where(part == HAIR, 0.6, 0.1))
    skin = np.isin(part, (SKIN, SHOES))
    surface.mirror[skin] = 0.025
    surface.roughness[skin] = 0.8
    # Points near the ground see less sky.
    surface.openness[:] = 0.50 + 0.50 * np.clip(z / 0.9, 0, 1)
    return surface
