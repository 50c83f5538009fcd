# SPDX-License-Identifier: Apache-2.0
"""Light on surfaces: a panorama as the sky and surroundings, its sun taken apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.arrays import Array

_MIRROR_ROWS = (256, 64, 24)  # heights of the panorama as seen in ever rougher mirrors
_IRRADIANCE_ROWS = 32


@dataclass(frozen=True, eq=False, kw_only=True)
class Light:
    """What shines on the street.

    Attributes:
        heading: Azimuth of the road in the panorama [rad].
        mirrors: The panorama without its sun, from sharp to blurred.
        irradiance: For a normal in each direction, without the sun.
        sun_direction: Unit vector towards the sun, in the world.
        sun: Irradiance of a surface that faces the sun, (3,).
    """

    heading: float
    mirrors: tuple[Panorama, ...]
    irradiance: Panorama
    sun_direction: Array
    sun: Array

    def reflected(self, directions: Array, roughness: Array) -> Array:
        """What a mirror of roughness 0 to 1 shows in unit directions (N, 3)."""
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
        panorama: In units of the picture's radiance.
        heading: Azimuth of the road in it [rad].
        sun_above: Radiance above which light is counted as the sun's.
    """
    height, width = panorama.radiance.shape[:2]
    sky = np.minimum(panorama.radiance, sun_above)
    directions, solid_angle = _sphere(height, width)
    excess = (panorama.radiance - sky) * solid_angle[..., None]
    toward = (excess.sum(-1)[..., None] * directions).sum((0, 1))
    # Away from everything where there is no sun; its irradiance is zero then.
    toward = toward / np.linalg.norm(toward) if toward.any() else np.array([0.0, 0.0, 1.0])
    turned = np.array([[np.cos(heading), -np.sin(heading), 0],
                       [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    mirrors = tuple(_blurred(sky, rows, panorama.name) for rows in _MIRROR_ROWS)
    return Light(heading=heading, mirrors=mirrors, irradiance=_irradiance(sky, panorama.name),
                 sun_direction=turned @ toward, sun=excess.sum((0, 1)))


def _sphere(height: int, width: int) -> tuple[Array, Array]:
    """Directions (H, W, 3) of a panorama's pixels and their solid angles (H, W) [sr]."""
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    a, e = np.meshgrid(azimuth, elevation)
    directions = np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)], -1)
    return directions, np.cos(e) * (2 * np.pi / width) * (np.pi / height)


def _blurred(radiance: Array, rows: int, name: str) -> Panorama:
    rows = min(rows, radiance.shape[0])
    small = cv2.resize(radiance, (2 * rows, rows), interpolation=cv2.INTER_AREA)
    if rows < radiance.shape[0] // 2:
        around = np.concatenate([small[:, -8:], small, small[:, :8]], 1)
        small = cv2.GaussianBlur(around, (0, 0), 1.0)[:, 8:-8]
    return Panorama(name=name, radiance=np.ascontiguousarray(small, np.float32))


def _irradiance(radiance: Array, name: str) -> Panorama:
    small = cv2.resize(radiance, (2 * _IRRADIANCE_ROWS, _IRRADIANCE_ROWS),
                       interpolation=cv2.INTER_AREA)
    directions, solid_angle = _sphere(*small.shape[:2])
    flat = directions.reshape(-1, 3)
    cosine = np.maximum(flat @ flat.T, 0) * solid_angle.reshape(-1)
    received = (cosine @ small.reshape(-1, 3)).reshape(small.shape)
    return Panorama(name=name, radiance=received.astype(np.float32))
