# SPDX-License-Identifier: Apache-2.0
"""A traffic light on a pole, with lamps that change over time."""

from __future__ import annotations

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.mesh import Mesh, box, disc, join_meshes, tube
from ddfnet_ros.synthesis.street.surface import Surface

POLE, HOUSING, BOARD, RED, AMBER, GREEN = range(6)

_COLOURS = {RED: (1.0, 0.06, 0.03), AMBER: (1.0, 0.42, 0.02), GREEN: (0.05, 1.0, 0.55)}
_LENS = 0.13  # radius [m]
_LAMP_HEIGHTS = {RED: 3.05, AMBER: 2.73, GREEN: 2.41}


def signal_mesh() -> Mesh:
    """Pole, housing with visors, and three lamps that face along x."""
    centre = np.array([0.12, 0.0, 0.0])
    parts = [tube(np.array([[0, 0, 0.0], [0, 0, 1.2], [0, 0, 2.4], [0, 0, 3.4]]),
                  (0.055, 0.055, 0.055, 0.05), POLE, 12),
             box((0.0, -0.17, 2.22), (0.10, 0.17, 3.24), HOUSING, 4),
             box((-0.01, -0.27, 2.08), (0.005, 0.27, 3.38), BOARD, 4),
             tube(np.array([[0, 0, 0.0], [0, 0, 0.25]]), (0.10, 0.10), POLE, 12)]
    for part, height in _LAMP_HEIGHTS.items():
        at = centre + [0, 0, height]
        parts.append(disc(at, np.array([1.0, 0.0, 0.0]), _LENS, part))
        parts.append(_visor(at))
    return join_meshes(parts)


def _visor(at: Array) -> Mesh:
    """Visor: the upper half of a short tube around a lamp."""
    turn = np.linspace(0, np.pi, 12)
    rows = []
    for reach, radius in ((0.0, 0.145), (0.17, 0.145), (0.17, 0.150), (0.0, 0.150)):
        rows.append(np.stack([np.full(12, at[0] + reach), at[1] + radius * np.cos(turn),
                              at[2] + radius * np.sin(turn)], -1))
    strip = np.stack([*rows, rows[0]])
    index = np.arange(5 * 12).reshape(5, 12)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3),
                            np.stack([a, c, d], -1).reshape(-1, 3)])
    both = np.concatenate([faces, faces[:, ::-1]])
    vertices = strip.reshape(-1, 3)
    outward = vertices - [0, at[1], at[2]]
    outward[:, 0] = 0
    normals = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    return Mesh(vertices=vertices, normals=normals, local=vertices, faces=both,
                part=np.full(len(both), HOUSING))


def lamps_at(seconds: float, red_until: float, amber_until: float) -> tuple[int, ...]:
    """Lamps that are lit at a time [s]: red, then red with amber, then green."""
    if seconds < red_until:
        return (RED,)
    return (RED, AMBER) if seconds < amber_until else (GREEN,)


def paint_signal(lit: tuple[int, ...], radiance: float, part: Indices,
                 local: Array) -> Surface:
    """Materials of the points of a traffic light.

    Args:
        lit: Lamps that are on.
        radiance: Radiance of these lamps.
        part: (N,) part of each point.
        local: (N, 3) object coordinates of the points [m].
    """
    surface = Surface.uniform(len(part), (0.16, 0.17, 0.17), mirror=0.04, roughness=0.5)
    surface.paint(np.isin(part, (HOUSING, BOARD)), (0.012, 0.013, 0.013), 0.03, 0.6)
    edge = (part == BOARD) & ((np.abs(local[:, 1]) > 0.24) | (np.abs(local[:, 2] - 2.73) > 0.62))
    surface.paint(edge, (0.6, 0.6, 0.6))
    for lamp, colour in _COLOURS.items():
        here = part == lamp
        surface.paint(here, tuple(0.06 * c for c in colour), 0.04, 0.3)
        if lamp in lit:
            radius = np.hypot(local[here, 1], local[here, 2] - _LAMP_HEIGHTS[lamp])
            glow = radiance * (1.15 - 0.5 * (radius / _LENS) ** 2)
            surface.emission[here] = glow[:, None] * np.array(colour)
    return surface
