# SPDX-License-Identifier: Apache-2.0
"""Light on surfaces: a panorama as surroundings, and its sun as a separate light source."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.arrays import Array

_MIRROR_ROWS = (256, 64, 24)  # heights of the blurred panoramas, for increasing roughness [px]
_IRRADIANCE_ROWS = 32


@dataclass(frozen=True, eq=False, kw_only=True)
class Light:
    """Light on the street.

    Attributes:
        heading: Azimuth of the road in the panorama [rad].
        mirrors: The panorama without its sun, from sharp to blurred, for reflections.
        irradiance: Irradiance without the sun, for each direction of the surface normal.
        sun_direction: (3,) unit vector towards the sun, in world coordinates.
        sun: (3,) irradiance of a surface that faces the sun.
    """

    heading: float
    mirrors: tuple[Panorama, ...]
    irradiance: Panorama
    sun_direction: Array
    sun: Array

    def reflected(self, directions: Array, roughness: Array) -> Array:
        """Radiance from unit directions (N, 3), blurred by roughness 0 to 1, without the sun."""
        level = roughness * (len(self.mirrors) - 1)
        total = np.zeros_like(directions)
        for k, mirror in enumerate(self.mirrors):
            share = np.clip(1 - np.abs(level - k), 0, 1)
            chosen = share > 0
            total[chosen] += share[chosen, None] * mirror.at(*self._angles(directions[chosen]))
        return total

    def received(self, normals: Array) -> Array:
        """Irradiance of surfaces with unit normals (N, 3), without the sun."""
        return self.irradiance.at(*self._angles(normals))

    def _angles(self, directions: Array) -> tuple[Array, Array]:
        azimuth = np.arctan2(directions[:, 0], directions[:, 1]) + self.heading
        return azimuth, np.arcsin(directions[:, 2].clip(-1, 1))


def light_from(panorama: Panorama, heading: float, sun_above: float) -> Light:
    """Split a panorama into surroundings and sun.

    Args:
        panorama: Panorama in units of the picture's radiance.
        heading: Azimuth of the road in the panorama [rad].
        sun_above: Radiance above which light belongs to the sun.
    """
    height, width = panorama.radiance.shape[:2]
    sky = np.minimum(panorama.radiance, sun_above)
    directions, solid_angle = _pixel_directions(height, width)
    excess = (panorama.radiance - sky) * solid_angle[..., None]
    toward = (excess.sum(-1)[..., None] * directions).sum((0, 1))
    # Without a sun its direction does not matter: its irradiance is zero.
    toward = toward / np.linalg.norm(toward) if toward.any() else np.array([0.0, 0.0, 1.0])
    rotation = np.array([[np.cos(heading), -np.sin(heading), 0],
                         [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    mirrors = tuple(_blur(sky, rows, panorama.name) for rows in _MIRROR_ROWS)
    return Light(heading=heading, mirrors=mirrors, irradiance=_irradiance(sky, panorama.name),
                 sun_direction=rotation @ toward, sun=excess.sum((0, 1)))


def _pixel_directions(height: int, width: int) -> tuple[Array, Array]:
    """Directions (H, W, 3) of a panorama's pixels and their solid angles (H, W) [sr]."""
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    a, e = np.meshgrid(azimuth, elevation)
    directions = np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)], -1)
    return directions, np.cos(e) * (2 * np.pi / width) * (np.pi / height)


def _blur(radiance: Array, rows: int, name: str) -> Panorama:
    """Reduce a panorama to at most `rows` rows; blur it if that is less than half."""
    rows = min(rows, radiance.shape[0])
    small = cv2.resize(radiance, (2 * rows, rows), interpolation=cv2.INTER_AREA)
    if rows < radiance.shape[0] // 2:
        around = np.concatenate([small[:, -8:], small, small[:, :8]], 1)
        small = cv2.GaussianBlur(around, (0, 0), 1.0)[:, 8:-8]
    return Panorama(name=name, radiance=np.ascontiguousarray(small, np.float32))


def _irradiance(radiance: Array, name: str) -> Panorama:
    """Irradiance for surface normals in all directions."""
    small = cv2.resize(radiance, (2 * _IRRADIANCE_ROWS, _IRRADIANCE_ROWS),
                       interpolation=cv2.INTER_AREA)
    directions, solid_angle = _pixel_directions(*small.shape[:2])
    flat = directions.reshape(-1, 3)
    cosine = np.maximum(flat @ flat.T, 0) * solid_angle.reshape(-1)
    received = (cosine @ small.reshape(-1, 3)).reshape(small.shape)
    return Panorama(name=name, radiance=received.astype(np.float32))
