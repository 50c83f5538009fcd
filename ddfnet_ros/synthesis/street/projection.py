# SPDX-License-Identifier: Apache-2.0
"""The street's camera: world coordinates to pixels and back.

World: x to the right of the road, y along it, z up, metres; the origin is on the ground beneath
the camera. The picture is a crop of an equirectangular map: columns are azimuth, rows elevation,
both `focal` pixels per radian, so that a panorama is magnified equally everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array


@dataclass(frozen=True, kw_only=True)
class StreetCamera:
    """A camera that stands still.

    Attributes:
        width: Columns of the picture.
        height: Rows of the picture.
        focal: Pixels per radian.
        horizon: Row of the horizon, from the top [px].
        yaw: Azimuth of the middle column from the road's direction, positive to the right [rad].
        elevation: Of the optical centre above the ground [m].
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
        """Optical centre in the world."""
        return np.array([0.0, 0.0, self.elevation])

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points (N, 3) to pixel positions (N, 2) as (column, row), and distances (N,)."""
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
        """Where the pixels see the ground plane, (H, W, 2) metres; infinite above the horizon."""
        azimuth, elevation = self.angles()
        with np.errstate(divide='ignore'):
            distance = np.where(elevation < 0, self.elevation / np.tan(-elevation), np.inf)
        toward = np.stack([np.sin(azimuth), np.cos(azimuth)], -1)
        with np.errstate(invalid='ignore'):
            points: Array = distance[:, None, None] * toward
        return points
