# SPDX-License-Identifier: Apache-2.0
"""Bounding boxes and their overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.layer import Solid
from ddfnet_ros.synthesis.street.projection import StreetCamera


@dataclass(frozen=True)
class Box:
    """A bounding box; edges in pixels from the picture's upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, solid: Solid, camera: StreetCamera, part: int | None = None) -> Box:
        """Box around the projection of a solid, or of one part of it."""
        mesh = solid.in_world()
        faces = mesh.faces if part is None else mesh.faces[mesh.part == part]
        points, _ = camera.project(mesh.vertices[np.unique(faces)])
        return cls(*points.min(0).tolist(), *points.max(0).tolist())

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the box: column and row [px]."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Height of the box [px]."""
        return self.bottom - self.top

    def with_person_width(self, share: float = 1.0) -> Box:
        """Box with the same middle, scaled height, and the standard width of a pedestrian.

        Boxes of pedestrians are compared with a fixed width of 0.41 heights, whatever their arms
        do (Dollar et al. 2012).

        Args:
            share: New height over the old one.
        """
        (x, y), half = self.middle, share * self.height / 2
        return Box(x - 0.41 * half, y - half, x + 0.41 * half, y + half)

    def overlap(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0.0) * max(height, 0.0)
        return shared / (self._area + other._area - shared)

    @property
    def _area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)
