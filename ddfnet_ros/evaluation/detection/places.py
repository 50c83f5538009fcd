# SPDX-License-Identifier: Apache-2.0
"""Panoramas as places: background, and light on what is drawn in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama, load_panorama
from ddfnet_ros.synthesis.street.light import Light, light_from

_SUN_ABOVE = 16.0  # times what 95 % of a panorama stay below; more is counted as the sun's


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """A panorama to stand in.

    Attributes:
        panorama: Without its sun.
        light: What it sheds on things, the sun included.
    """

    panorama: Panorama
    light: Light


def places(folder: Path) -> list[Place]:
    """All panoramas of a folder, by name.

    Raises:
        ValueError: no .exr file is there.
    """
    paths = sorted(folder.glob('*.exr'))
    if not paths:
        raise ValueError(f'{folder}: expected .exr panoramas, got none; name their folder')
    return [place_in(load_panorama(path)) for path in paths]


def place_in(panorama: Panorama) -> Place:
    """Part a panorama's sun from the rest."""
    sun_above = _SUN_ABOVE * float(np.percentile(panorama.radiance, 95))
    sunless = np.minimum(panorama.radiance, sun_above)
    return Place(panorama=Panorama(name=panorama.name, radiance=sunless),
                 light=light_from(panorama, 0.0, sun_above))
