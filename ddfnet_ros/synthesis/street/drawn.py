# SPDX-License-Identifier: Apache-2.0
"""A procedural panorama, used when no other is given: a street with houses at sunrise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.arrays import Array, Mask

_WALL = 14.0  # distance of the houses from the middle of the road [m]
_SUPERSAMPLING = 2
_EYE = 1.6  # height of the panorama's centre [m]
_SUN = (-0.22, 0.29)  # azimuth and elevation [rad]
_SUNLIT = np.array([1.9, 1.45, 0.95])
_SKYLIT = np.array([0.62, 0.72, 0.95])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Facades:
    """Points on the houses of one side, with an array entry each.

    Attributes:
        along: Distance from the house's left edge [m].
        up: Height above the ground [m].
        house: Index of the house.
        height: Height of the house [m].
    """

    along: Array
    up: Array
    house: Array
    height: Array


def drawn_panorama(seed: int, height: int = 768) -> Panorama:
    """Draw a sky with a low sun, and houses on both sides of a road at azimuth 0.

    Args:
        seed: Random seed of houses, windows and clouds.
        height: Number of rows; there are twice as many columns.
    """
    random = np.random.default_rng(seed)
    fine = _SUPERSAMPLING * height
    azimuth, elevation = np.meshgrid(
        ((np.arange(2 * fine) + 0.5) / fine - 1) * np.pi,
        (0.5 - (np.arange(fine) + 0.5) / fine) * np.pi)
    radiance = _sky(azimuth, elevation, random)
    below = elevation < 0
    radiance[below] = _road(azimuth[below], elevation[below], random)
    for side in (-1, 1):
        _draw_houses(radiance, azimuth, elevation, side, random)
    smooth = cv2.resize(radiance, (2 * height, height), interpolation=cv2.INTER_AREA)
    return Panorama(name='drawn', radiance=smooth.astype(np.float32))


def _angle_to_sun(azimuth: Array, elevation: Array) -> Array:
    """Angle to the sun [rad]."""
    cosine = (np.sin(elevation) * np.sin(_SUN[1])
              + np.cos(elevation) * np.cos(_SUN[1]) * np.cos(azimuth - _SUN[0]))
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


def _sky(azimuth: Array, elevation: Array, random: np.random.Generator) -> Array:
    up = np.clip(elevation, 0, None)[..., None] / (np.pi / 2)
    sky = np.array([0.55, 0.42, 0.30]) * np.exp(-6 * up) + np.array([0.20, 0.34, 0.60])
    angle = _angle_to_sun(azimuth, elevation)[..., None]
    glow = 3.5 * np.exp(-angle / 0.10) + 0.8 * np.exp(-angle / 0.5) + 3e4 * (angle < 0.006)
    rough = random.random((40, 16)).astype(np.float32)
    clouds = cv2.resize(rough, azimuth.shape[::-1], interpolation=cv2.INTER_CUBIC)[..., None]
    lit: Array = (sky + np.array([1.0, 0.82, 0.55]) * glow) * (
        1 + 0.5 * np.clip(clouds - 0.55, 0, 1))
    return lit


def _road(azimuth: Array, elevation: Array, random: np.random.Generator) -> Array:
    """Asphalt with a sheen towards the sun, and pavements along the houses."""
    distance = _EYE / np.tan(np.maximum(-elevation, 1e-3))
    aside = np.abs(distance * np.sin(azimuth))
    tone = np.where(aside > 10.5, 0.075, 0.045)
    tone = np.where(np.abs(aside - 10.5) < 0.12, 0.11, tone)
    sheen = 0.25 * np.exp(-((azimuth - _SUN[0]) / 0.28) ** 2) * np.exp(2.2 * elevation)
    stones = np.exp(0.10 * random.standard_normal(azimuth.shape))
    lit: Array = (tone[:, None] * np.array([1.0, 1.02, 1.08])
                  + sheen[:, None] * np.array([1.0, 0.86, 0.66])) * stones[:, None]
    return lit


def _draw_houses(radiance: Array, azimuth: Array, elevation: Array, side: int,
                 random: np.random.Generator) -> None:
    """Draw the houses on one side of the road (-1: left, 1: right), in place."""
    edges = np.cumsum(random.uniform(9, 19, 40)) - 170
    heights = random.uniform(10, 19, 41)
    turned = np.clip(side * azimuth, 1e-4, np.pi - 1e-4)
    along = _WALL / np.tan(turned)
    up = _EYE + _WALL / np.sin(turned) * np.tan(elevation)
    house = np.searchsorted(edges, along)
    here = ((side * azimuth > 0) & (house > 0) & (house < len(edges)) & (up > 0)
            & (up < heights[house]))
    chosen = house[here]
    points = _Facades(along=along[here] - edges[chosen - 1], up=up[here], house=chosen,
                      height=heights[chosen])
    light = _SKYLIT + (_SUNLIT if side > 0 else 0) * np.clip((points.up - 2) / 3, 0, 1)[:, None]
    radiance[here] = _walls(points, light, random)


def _walls(points: _Facades, light: Array, random: np.random.Generator) -> Array:
    """Radiance of plaster, ledges, windows and shops."""
    houses = 41
    tones = random.uniform(0.10, 0.32, (houses, 1)) * random.uniform(0.8, 1.15, (houses, 3))
    pitch = random.uniform(2.0, 2.9, houses)[points.house]
    storey = random.uniform(2.9, 3.5, houses)[points.house]
    albedo = tones[points.house]
    stains = 1 + 0.08 * np.sin(1.7 * points.along) * np.sin(0.9 * points.up + points.house)
    ledge = (np.mod(points.up, storey) < 0.18) | (points.height - points.up < 0.5)
    albedo = albedo * (stains * np.where(ledge, 1.25, 1.0))[:, None]
    colour: Array = albedo / np.pi * light
    across = np.mod(points.along, pitch) / pitch
    rise = np.mod(points.up, storey) / storey
    shop = points.up < storey
    window = np.where(shop, (np.abs(across - 0.5) < 0.42) & (rise > 0.12) & (rise < 0.78),
                      (np.abs(across - 0.5) < 0.24) & (rise > 0.28) & (rise < 0.82))
    bar = (np.abs(across - 0.5) < 0.02) | (np.abs(rise - 0.66) < 0.015)
    key = (points.house * 7919 + np.floor(points.along / pitch).astype(int) * 104729
           + np.floor(points.up / storey).astype(int) * 1299709) % 4096
    glass = _glass(key, rise, shop, random)
    pane = window & ~(bar & ~shop)
    colour[pane] = glass[pane]
    return colour


def _glass(key: Array, rise: Array, shop: Mask, random: np.random.Generator) -> Array:
    """Radiance of window panes: most reflect the sky, some have curtains, few are lit."""
    dice = random.random(4096)[key]
    sky = np.array([0.10, 0.14, 0.20]) * (0.25 + 0.6 * rise)[:, None] * (0.5 + dice)[:, None]
    curtain = (dice > 0.35) & (dice < 0.6) & (np.mod(31 * rise, 1) < 0.8)
    sky[curtain & ~shop] += 0.03
    lit = (dice > 0.93) | (shop & (dice > 0.6))
    warm = np.array([0.55, 0.36, 0.17]) * (0.35 + 0.65 * rise)[:, None]
    return np.where(lit[:, None], warm * np.where(shop, 0.8, 0.6)[:, None], sky)
