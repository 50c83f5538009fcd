# SPDX-License-Identifier: Apache-2.0
"""Rasteriser with a z-buffer in NumPy: which triangle each pixel sees, and where on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Indices
from ddfnet_ros.synthesis.street.mesh import Mesh

_SAMPLES_AT_ONCE = 1_500_000
_THINNEST = 2e-3  # a triangle is skipped if twice its area is smaller than this [px^2]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fragments:
    """The visible points of a mesh, one per covered pixel.

    Attributes:
        pixel: (N,) pixel index, row * width + column.
        face: (N,) index of the triangle.
        weights: (N, 3) barycentric coordinates in it.
        depth: (N,) distance from the camera [m].
    """

    pixel: Indices
    face: Indices
    weights: Array
    depth: Array

    def interpolate(self, mesh: Mesh, attribute: Array) -> Array:
        """Interpolate a vertex attribute (V, K) at the fragments, (N, K)."""
        corners = attribute[mesh.faces[self.face]]
        weights = self.weights[..., None]
        values: Array = (weights[:, 0] * corners[:, 0] + weights[:, 1] * corners[:, 1]
                         + weights[:, 2] * corners[:, 2])
        return values


def rasterise(mesh: Mesh, points: Array, depth: Array, shape: tuple[int, int], *,
              back: bool = False) -> Fragments:
    """Find the nearest triangle of every pixel.

    Args:
        mesh: Mesh to draw.
        points: (V, 2) pixel positions (column, row) of its vertices.
        depth: (V,) distances of its vertices from the camera [m].
        shape: Rows and columns of the picture.
        back: Whether to draw back faces, seen from inside, instead of front faces.
    """
    corners = points[mesh.faces]
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Front faces are counter-clockwise in the world; as rows grow downwards, their area is < 0.
    facing = (area > _THINNEST) if back else (area < -_THINNEST)
    low = np.floor(corners.min(1)).astype(np.int64)
    extent = np.ceil(corners.max(1)).astype(np.int64) - low
    inside = (low < shape[::-1]).all(1) & (low + extent > 0).all(1)
    candidates = np.flatnonzero(facing & inside)
    samples = []
    # Triangles of similar size are sampled in windows of one size, so that few samples miss.
    buckets = np.ceil(np.log2(np.maximum(extent[candidates], 2))).astype(np.int64)
    for bucket in np.unique(buckets, axis=0):
        chosen = candidates[(buckets == bucket).all(1)]
        columns, rows = (int(n) for n in 2**bucket)
        step = max(1, _SAMPLES_AT_ONCE // (columns * rows))
        for start in range(0, len(chosen), step):
            faces = chosen[start:start + step]
            samples.append(_sample(corners[faces], depth[mesh.faces[faces]], faces, low[faces],
                                   (rows, columns), shape))
    return _keep_nearest(samples, shape)


def _cross(a: Array, b: Array) -> Array:
    product: Array = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product


def _sample(corners: Array, depth: Array, faces: Indices, low: Indices,
            window: tuple[int, int], shape: tuple[int, int]) -> tuple[Array, ...]:
    """Find the pixel centres in each triangle.

    Args:
        corners: (N, 3, 2) pixel positions (column, row) of the triangles' corners.
        depth: (N, 3) distances of the corners [m].
        faces: (N,) indices of the triangles.
        low: (N, 2) first column and row of each triangle's window.
        window: Rows and columns of a window.
        shape: Rows and columns of the picture.

    Returns:
        Pixel index, triangle, barycentric weights and depth of each sample.
    """
    a, b, c = ((corners[:, k] - low - 0.5).astype(np.float32) for k in range(3))
    total = _cross(b - a, c - a)
    weight_b = _barycentric(a, c, -total, window)
    weight_c = _barycentric(a, b, total, window)
    hit = (weight_b >= 0) & (weight_c >= 0) & (weight_b + weight_c <= 1)
    which, row, column = np.nonzero(hit)
    row_at, column_at = row + low[which, 1], column + low[which, 0]
    inside = ((row_at >= 0) & (column_at >= 0) & (row_at < shape[0]) & (column_at < shape[1]))
    at_b, at_c = weight_b[hit][inside], weight_c[hit][inside]
    weights = np.stack([1 - at_b - at_c, at_b, at_c], -1)
    which = which[inside]
    return (row_at[inside] * shape[1] + column_at[inside], faces[which], weights,
            (weights * depth[which]).sum(-1))


def _barycentric(origin: Array, end: Array, total: Array, window: tuple[int, int]) -> Array:
    """Barycentric coordinate (N, rows, columns) that is 0 along the edge origin - end."""
    x, y = ((end - origin) / total[:, None]).T
    rows = np.arange(window[0], dtype=np.float32)
    columns = np.arange(window[1], dtype=np.float32)
    along_rows = x[:, None] * (rows - origin[:, 1:])
    along_columns = -y[:, None] * (columns - origin[:, :1])
    plane: Array = along_rows[:, :, None] + along_columns[:, None, :]
    return plane


def _keep_nearest(samples: list[tuple[Array, ...]], shape: tuple[int, int]) -> Fragments:
    """Keep the nearest sample of each pixel."""
    if not samples:
        none = np.zeros(0, np.int64)
        return Fragments(pixel=none, face=none, weights=np.zeros((0, 3)), depth=np.zeros(0))
    pixel, face, weights, depth = (np.concatenate(part) for part in zip(*samples, strict=True))
    order = np.argsort(-depth, kind='stable')
    winner = np.full(shape[0] * shape[1], -1, np.int64)
    winner[pixel[order]] = order  # for a pixel with several samples the last, nearest one stays
    kept = winner[winner >= 0]
    return Fragments(pixel=pixel[kept], face=face[kept], weights=weights[kept],
                     depth=depth[kept])
