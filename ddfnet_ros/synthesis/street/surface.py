# SPDX-License-Identifier: Apache-2.0
"""Surface materials, and shading: the radiance that they send to the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddfnet_ros.synthesis.street.arrays import Array, Point
from ddfnet_ros.synthesis.street.light import Light


@dataclass(eq=False, kw_only=True)
class Surface:
    """Materials of N points; painters change them in place.

    Attributes:
        albedo: (N, 3) diffuse reflectance.
        mirror: (N,) specular reflectance at normal incidence.
        roughness: (N,) roughness of the specular reflection, 0 to 1.
        cloth: (N,) strength of the bright rim of fabric.
        emission: (N, 3) emitted radiance.
        glass: (N,) share of light that is transmitted; 0: opaque.
        openness: (N,) share of the surroundings' light that reaches the point.
    """

    albedo: Array
    mirror: Array
    roughness: Array
    cloth: Array
    emission: Array
    glass: Array
    openness: Array

    @classmethod
    def uniform(cls, count: int, albedo: Point,
                mirror: float = 0.0, roughness: float = 1.0) -> Surface:
        """The same opaque material for all points."""
        return cls(
            albedo=np.tile(np.asarray(albedo, float), (count, 1)),
            mirror=np.full(count, mirror), roughness=np.full(count, roughness),
            cloth=np.zeros(count), emission=np.zeros((count, 3)), glass=np.zeros(count),
            openness=np.ones(count),
        )

    def paint(self, where: Array, albedo: Point,
              mirror: float = 0.0, roughness: float = 1.0) -> None:
        """Set an opaque material for the points of a mask."""
        self.albedo[where] = albedo
        self.mirror[where] = mirror
        self.roughness[where] = roughness
        self.glass[where] = 0


def shade(surface: Surface, normals: Array, towards_camera: Array, light: Light,
          sun_share: float) -> Array:
    """Radiance (N, 3) that the points send to the camera.

    Args:
        surface: Materials of the points.
        normals: (N, 3) unit normals.
        towards_camera: (N, 3) unit vectors towards the camera.
        light: Light of surroundings and sun.
        sun_share: Share of the sunlight that reaches the points, 0 to 1.
    """
    facing = (normals * towards_camera).sum(1)
    normals = np.where(facing[:, None] < 0, normals - 1.02 * facing[:, None] * towards_camera,
                       normals)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    cosine = np.abs((normals * towards_camera).sum(1)).clip(0.02, 1)
    open_ = surface.openness[:, None]
    sun = light.sun * sun_share
    sunlit = (normals @ light.sun_direction).clip(0)[:, None] * sun * open_
    diffuse = surface.albedo / np.pi * (light.received(normals) * open_ + sunlit)
    # Rough surfaces do not get more reflective at grazing angles.
    edge = np.maximum(1 - surface.roughness, surface.mirror) * (surface.mirror > 0)
    fresnel = surface.mirror + (edge - surface.mirror) * (1 - cosine) ** 5
    mirrored = 2 * cosine[:, None] * normals - towards_camera
    gloss = fresnel[:, None] * light.reflected(mirrored, surface.roughness) * open_
    gloss += (fresnel * _sun_gloss(mirrored, surface.roughness, light))[:, None] * sun * open_
    rim = (surface.cloth * (1 - cosine) ** 3)[:, None]
    fuzz = rim * light.reflected(-towards_camera, np.ones(len(cosine))) * open_
    sent: Array = diffuse + gloss + fuzz * (0.4 + surface.albedo) + surface.emission
    return sent


def _sun_gloss(mirrored: Array, roughness: Array, light: Light) -> Array:
    """Specular lobe around the sun's mirror direction [1/sr]."""
    width = 0.0015 + 0.12 * roughness**2
    away = 1 - (mirrored @ light.sun_direction)
    lobe: Array = np.exp(-away / width) / (2 * np.pi * width)
    return lobe
