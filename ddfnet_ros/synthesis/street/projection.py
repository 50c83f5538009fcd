# SPDX-License-Identifier: Apache-2.0
"""The street's camera: projects world coordinates to pixels and back to the ground.

World coordinates [m]: x to the right of the road, y along it, z up; the origin is on the ground
below the camera. The picture is a crop of an equirectangular map: columns are azimuth, rows
elevation, both with `focal` pixels per radian, so a panorama is magnified equally everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array


@dataclass(frozen=True, kw_only=True)
class StreetCamera:
    """A static camera.

    Attributes:
        width: Width of the picture [px].
        height: Height of the picture [px].
        focal: Focal length [px per rad].
        horizon: Row of the horizon, from the top [px].
        yaw: Azimuth of the middle column from the road's direction, positive to the right [rad].
        elevation: Height of the optical centre above the ground [m].
    """

    width: int = 640
    height: int = 360
    focal: float = 240.0
    horizon: float = 150.0
    yaw: float = 0.0
    elevation: float = 1.6

    def scaled(self, factor: int) -> StreetCamera:
        """The same view with `factor` times as many pixels along each side."""
        return StreetCamera(
            width=self.width * factor, height=self.height * factor, focal=self.focal * factor,
            horizon=self.horizon * factor, yaw=self.yaw, elevation=self.elevation,
        )

    @property
    def position(self) -> Array:
        """Optical centre in world coordinates."""
        return np.array([0.0, 0.0, self.elevation])

    def project(self, points: Array) -> tuple[Array, Array]:
        """Project world points (N, 3) to pixels (N, 2), (column, row), and distances (N,) [m]."""
        x, y, z = (points - self.position).T
        ground = np.hypot(x, y)
        columns = self.width / 2 + self.focal * (np.arctan2(x, y) - self.yaw)
        rows = self.horizon - self.focal * np.arctan2(z, ground)
        return np.stack([columns, rows], -1), np.hypot(ground, z)

    def angles(self) -> tuple[Array, Array]:
        """Azimuth (W,) and elevation (H,) of the pixel centres [rad]."""
        columns = np.arange(self.width) + 0.5
        rows = np.arange(self.height) + 0.5
        return (
            self.yaw + (columns - self.width / 2) / self.focal,
            (self.horizon - rows) / self.focal,
        )

    def ground(self) -> Array:
        """Ground points (H, W, 2) that the pixels see [m]; infinite above the horizon."""
        azimuth, elevation = self.angles()
        with np.errstate(divide='ignore'):
            distance = np.where(elevation < 0, self.elevation / np.tan(-elevation), np.inf)
        toward = np.stack([np.sin(azimuth), np.cos(azimuth)], -1)
        with np.errstate(invalid='ignore'):
            points: Array = distance[:, None, None] * toward
        return points
