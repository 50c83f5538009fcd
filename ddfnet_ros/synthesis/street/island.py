# SPDX-License-Identifier: Apache-2.0
"""A traffic island: kerb stones around a paved middle."""

from __future__ import annotations

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.mesh import Mesh, loft
from ddfnet_ros.synthesis.street.surface import Surface

_HEIGHT, _KERB = 0.13, 0.16  # height of the island and width of its kerb [m]


def island_mesh(length: float, width: float) -> Mesh:
    """An island with round ends, its length along x [m]."""
    turn = np.arange(48) / 48 * 2 * np.pi
    straight = (length - width) / 2
    outline = np.stack([width / 2 * np.cos(turn) + straight * np.sign(np.cos(turn)),
                        width / 2 * np.sin(turn)], -1)
    rows = []
    # Pairs of inset from the outline and height: side, rounded edge, kerb, paving.
    for inset, z in ((0.0, 0.0), (0.0, 0.10), (0.008, 0.122), (0.03, _HEIGHT), (_KERB, _HEIGHT),
                     (_KERB + 0.01, _HEIGHT - 0.01), (0.30, _HEIGHT - 0.01)):
        scale = 1 - 2 * inset / np.array([length, width])
        rows.append(np.concatenate([outline * scale, np.full((48, 1), z)], 1))
    middle = rows[-1] * (0.02, 0.02, 1.0)
    return loft(np.stack([*rows, middle]))


def paint_island(_part: Indices, local: Array) -> Surface:
    """Light kerb stones with joints, concrete slabs between them."""
    x, y, z = local.T
    surface = Surface.uniform(len(x), (0.13, 0.127, 0.118), mirror=0.03, roughness=0.9)
    speckle = np.sin(91 * x + 37 * y) * np.sin(67 * x - 83 * y + 50 * z)
    kerb = z > _HEIGHT - 0.005
    kerb |= z < _HEIGHT - 0.012
    surface.albedo[kerb] = (0.20, 0.196, 0.185)
    joint = (np.mod(x, 0.80) < 0.015) & kerb
    slabs = ((np.mod(x, 0.40) < 0.012) | (np.mod(y + 0.2, 0.40) < 0.012)) & ~kerb
    surface.albedo *= (1 + 0.10 * speckle)[:, None]
    surface.albedo[joint | slabs] *= 0.4
    return surface
