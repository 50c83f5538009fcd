# SPDX-License-Identifier: Apache-2.0
"""Triangle meshes with smooth normals, and the basic shapes that a street is built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices, Point


@dataclass(frozen=True, eq=False, kw_only=True)
class Mesh:
    """A triangle mesh.

    Attributes:
        vertices: (V, 3) positions [m].
        normals: (V, 3) outward unit vectors.
        local: (V, 3) coordinates for painting, which do not change when the mesh moves.
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        part: (F,) material of each face.
    """

    vertices: Array
    normals: Array
    local: Array
    faces: Indices
    part: Indices

    def transform(self, rotation: Array, offset: Array) -> Mesh:
        """Rotate by a (3, 3) matrix, then shift; `local` stays the same."""
        return replace(self, vertices=self.vertices @ rotation.T + offset,
                       normals=self.normals @ rotation.T)


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """Combine meshes into one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        local=np.concatenate([mesh.local for mesh in meshes]),
        faces=np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
        part=np.concatenate([mesh.part for mesh in meshes]),
    )


def loft(sections: Array, part: int = 0, local: Array | None = None) -> Mesh:
    """Span a surface over closed cross-sections.

    Args:
        sections: (M, N, 3) points; each section runs once around, clockwise when seen from the
            last section towards the first.
        part: Material of all faces.
        local: (M, N, 3) coordinates for painting; None: the vertices.
    """
    count, ring = sections.shape[:2]
    index = np.arange(count * ring).reshape(count, ring)
    a, b = index[:-1], np.roll(index, -1, 1)[:-1]
    c, d = np.roll(index, -1, 1)[1:], index[1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3),
                            np.stack([a, c, d], -1).reshape(-1, 3)])
    vertices = sections.reshape(-1, 3)
    return Mesh(
        vertices=vertices, normals=smooth_normals(vertices, faces), faces=faces,
        local=vertices if local is None else local.reshape(-1, 3),
        part=np.full(len(faces), part),
    )


def smooth_normals(vertices: Array, faces: Indices) -> Array:
    """Vertex normals: the area-weighted mean over the adjacent faces."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], across)
    return unit(normals)


def unit(vectors: Array) -> Array:
    """Normalise vectors (..., 3) to length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    directions: Array = vectors / np.maximum(lengths, 1e-12)
    return directions


def tube(points: Array, radii: Sequence[float], part: int = 0, sides: int = 10,
         flatten: float = 1.0) -> Mesh:
    """A round tube along a path, closed at both ends.

    Args:
        points: (M, 3) path [m].
        radii: Radius at each point [m].
        part: Material.
        sides: Number of corners of the cross-section.
        flatten: Ratio of the cross-section's second axis to its first.
    """
    points = np.asarray(points, float)
    ends = np.concatenate([points[:1], points, points[-1:]])
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    along = np.concatenate([along[:1], along, along[-1:]])
    helper = np.where(np.abs(along[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(helper, along)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    turn = np.arange(sides) / sides * 2 * np.pi
    around = (np.cos(turn)[:, None] * first[:, None]
              + flatten * np.sin(turn)[:, None] * second[:, None])
    size = np.array([1e-4, *radii, 1e-4])[:, None, None]
    return loft(ends[:, None] + size * around, part)


def ellipsoid(centre: Point, radii: Point, part: int = 0,
              rings: int = 9, sides: int = 14) -> Mesh:
    """An ellipsoid with its axes along x, y and z."""
    polar = np.linspace(-np.pi / 2 + 1e-3, np.pi / 2 - 1e-3, rings)
    turn = np.arange(sides) / sides * 2 * np.pi
    unit = np.stack(np.broadcast_arrays(
        np.cos(polar)[:, None] * np.cos(turn), np.cos(polar)[:, None] * np.sin(turn),
        np.sin(polar)[:, None]), -1)
    return loft(np.asarray(centre) + unit * np.asarray(radii), part)


def box(low: Point, high: Point, part: int = 0, cells: int = 1) -> Mesh:
    """A box with flat sides, each of `cells` x `cells` squares."""
    low_, high_ = np.asarray(low, float), np.asarray(high, float)
    step = np.linspace(0, 1, cells + 1)
    u, v = np.meshgrid(step, step, indexing='ij')
    sides = []
    for axis in range(3):
        for end in (0, 1):
            unit = np.empty((*u.shape, 3))
            unit[..., axis] = end
            unit[..., (axis + 1) % 3], unit[..., (axis + 2) % 3] = (u, v) if end else (v, u)
            sides.append(_sheet(low_ + unit * (high_ - low_), part))
    return join_meshes(sides)


def disc(centre: Array, axis: Array, radius: float, part: int = 0, sides: int = 20) -> Mesh:
    """A flat disc with normal `axis`."""
    helper = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(helper, axis)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    turn = np.arange(sides) / sides * 2 * np.pi
    rim = centre + radius * (np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second)
    vertices = np.concatenate([np.asarray(centre)[None], rim])
    index = np.arange(sides)
    faces = np.stack([np.zeros_like(index), 1 + index, 1 + (index + 1) % sides], -1)
    return Mesh(vertices=vertices, normals=np.tile(axis, (sides + 1, 1)), local=vertices,
                faces=faces, part=np.full(sides, part))


def _sheet(grid: Array, part: int) -> Mesh:
    count, width = grid.shape[:2]
    index = np.arange(count * width).reshape(count, width)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3),
                            np.stack([a, c, d], -1).reshape(-1, 3)])
    vertices = grid.reshape(-1, 3)
    return Mesh(vertices=vertices, normals=smooth_normals(vertices, faces), local=vertices,
                faces=faces, part=np.full(len(faces), part))
