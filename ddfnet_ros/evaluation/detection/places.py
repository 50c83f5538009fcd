# SPDX-License-Identifier: Apache-2.0
"""Panoramas as places of the scenes: the background, and the light on objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama, load_panorama
from ddfnet_ros.synthesis.street.light import Light, light_from

_SUN_ABOVE = 16.0  # radiance above this factor times the 95th percentile is the sun


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """A place that scenes are rendered in.

    Attributes:
        panorama: The panorama without its sun.
        light: Its light on objects, the sun included.
    """

    panorama: Panorama
    light: Light


def places(folder: Path) -> list[Place]:
    """Load all panoramas of a folder, sorted by name.

    Raises:
        ValueError: the folder has no .exr file.
    """
    paths = sorted(folder.glob('*.exr'))
    if not paths:
        raise ValueError(f'{folder}: expected .exr panoramas, got none; name their folder')
    return [place_from(load_panorama(path)) for path in paths]


def place_from(panorama: Panorama) -> Place:
    """Make a place of a panorama: clip its sun, and compute its light."""
    sun_above = _SUN_ABOVE * float(np.percentile(panorama.radiance, 95))
    sunless = np.minimum(panorama.radiance, sun_above)
    return Place(panorama=Panorama(name=panorama.name, radiance=sunless),
                 light=light_from(panorama, 0.0, sun_above))
