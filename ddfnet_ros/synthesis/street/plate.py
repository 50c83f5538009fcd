# SPDX-License-Identifier: Apache-2.0
"""The static background of the street: a crop of the panorama, with fine detail added."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street import ground
from ddfnet_ros.synthesis.street.arrays import Array
from ddfnet_ros.synthesis.street.projection import StreetCamera

_SUN_IN_PICTURE = 2.0  # radiance is capped here: a brighter sun would ring in the interpolation
_PAINT_LIT, _PAINT_SHADED = 0.045, 0.012  # radiance that white paint adds to asphalt


@dataclass(frozen=True, eq=False, kw_only=True)
class Plate:
    """The street without anything that moves.

    Attributes:
        sunlit: (H, W, 3) radiance.
        shaded: (H, W, 3) radiance if no sun falls on the road.
        ground: (H, W, 2) ground points that the pixels see [m].
        sun_on_ground: (H, W) share of the sunlight that reaches the road.
    """

    sunlit: Array
    shaded: Array
    ground: Array
    sun_on_ground: Array

    def sun_at(self, x: float, y: float, camera: StreetCamera) -> float:
        """Share of the sunlight that reaches the road at a place, averaged over 5x5 pixels."""
        pixel, _ = camera.project(np.array([[x, y, 0.0]]))
        column = int(np.clip(pixel[0, 0], 2, camera.width - 3))
        row = int(np.clip(pixel[0, 1], 2, camera.height - 3))
        return float(self.sun_on_ground[row - 2:row + 3, column - 2:column + 3].mean())


def still_street(panorama: Panorama, heading: float, camera: StreetCamera, seed: int) -> Plate:
    """Crop the panorama and add detail that it is too coarse for.

    Args:
        panorama: Panorama in units of the picture's radiance.
        heading: Azimuth of the road in the panorama [rad].
        camera: The view.
        seed: Random seed of foliage, grain and wear.
    """
    azimuth, elevation = camera.angles()
    capped = Panorama(name=panorama.name,
                      radiance=np.minimum(panorama.radiance, _SUN_IN_PICTURE))
    picture = capped.at(azimuth[None] + heading, elevation[:, None], cubic=True)
    picture = _sharpen(picture.astype(np.float32))
    picture *= _foliage_brightness(picture, camera, seed)[..., None]
    picture *= ground.grain(camera, seed + 1)[..., None]
    below = (np.arange(camera.height) > camera.horizon)[:, None]
    brightness = cv2.GaussianBlur(picture.mean(-1), (0, 0), 2.0)
    dark = _shaded_brightness(brightness)
    ratio = np.where(below, np.minimum(1, 1.15 * dark / np.maximum(brightness, 1e-5)), 1)
    lit = np.where(below, np.clip((brightness / np.maximum(dark, 1e-5) - 1.2) / 1.5, 0, 1), 0)
    paint = ground.marking_coverage(camera, seed + 2)[..., None]
    white = np.array([1.0, 0.98, 0.92])
    sunlit = picture * (1 - 0.25 * paint) + paint * white * (
        _PAINT_SHADED + (_PAINT_LIT - _PAINT_SHADED) * lit[..., None])
    shaded = picture * ratio[..., None] * (1 - 0.25 * paint) + paint * white * _PAINT_SHADED
    return Plate(sunlit=sunlit.astype(np.float32), shaded=shaded.astype(np.float32),
                 ground=camera.ground(), sun_on_ground=lit)


def _sharpen(picture: Array) -> Array:
    """Sharpen, to undo some of the blur of the enlargement."""
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    limited = np.clip(picture - soft, -0.4 * soft, 0.4 * soft)
    sharp: Array = np.maximum(picture + 1.1 * limited, 0)
    return sharp


def _foliage_brightness(picture: Array, camera: StreetCamera, seed: int) -> Array:
    """Relative brightness of leaves and twigs, where the picture is dark and leafy."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(picture.shape[:2]).astype(np.float32)
    leaves = cv2.GaussianBlur(noise, (0, 0), 0.6) * 2 + 0.5 * noise
    red, green, blue = np.moveaxis(picture, -1, 0)
    leafy = np.clip((green - blue) / np.maximum(green, 1e-5) * 2.5, 0, 1)
    leafy *= np.clip(5 * green / np.maximum(red, 1e-5) - 4, 0, 1)  # plaster is redder
    above = (np.arange(camera.height) < camera.horizon + 8)[:, None]
    strength = cv2.GaussianBlur((leafy * above * (red < 0.3)).astype(np.float32), (0, 0), 0.8)
    brightness: Array = np.exp(0.22 * strength * leaves)
    return brightness


def _shaded_brightness(brightness: Array) -> Array:
    """Brightness of nearby road in the shade: the lower envelope."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (81, 25))
    return cv2.GaussianBlur(cv2.erode(brightness, kernel), (0, 0), 12)
