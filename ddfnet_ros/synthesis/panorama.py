# SPDX-License-Identifier: Apache-2.0
"""Equirectangular HDR panoramas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.images import read_exr

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Panorama:
    """Light that arrives at one point from all directions.

    Attributes:
        name: File name without suffix.
        radiance: (H, 2 H, 3) linear float32; rows from zenith to nadir, columns from azimuth
            -180 degrees to the right, azimuth 0 in the middle.
    """

    name: str
    radiance: npt.NDArray[np.float32]

    def at(self, azimuth: Array, elevation: Array, *, cubic: bool = False) -> Array:
        """Radiance (..., 3) that arrives from the given directions.

        Args:
            azimuth: Angle to the right of the middle column [rad].
            elevation: Angle above the horizon [rad]; broadcast against `azimuth`.
            cubic: Whether to interpolate bicubically, which is sharper, instead of bilinearly.
        """
        azimuth, elevation = np.broadcast_arrays(azimuth, elevation)
        height, width = self.radiance.shape[:2]
        columns = np.mod(azimuth / (2 * np.pi) + 0.5, 1) * width - 0.5
        rows = (0.5 - elevation / np.pi) * height - 0.5
        return _sample(self.radiance, np.asarray(columns), np.asarray(rows), cubic)


def load_panorama(path: Path) -> Panorama:
    """Read an OpenEXR panorama; negative and undefined values become dark.

    Raises:
        ValueError: the image is not twice as wide as high.
        OSError: the file cannot be read.
    """
    radiance = read_exr(path)
    height, width = radiance.shape[:2]
    if width != 2 * height:
        raise ValueError(f'{path}: expected a panorama twice as wide as high, got '
                         f'{width}x{height}; give an equirectangular one')
    radiance = np.nan_to_num(radiance, nan=0.0, posinf=6e4, neginf=0.0).clip(0, 6e4)
    return Panorama(name=path.stem, radiance=radiance)


def find_panorama(folder: Path, preferred: str) -> Panorama:
    """Load the panorama named `preferred` from a folder, or else the first one by name.

    Raises:
        ValueError: the folder has no .exr file.
    """
    paths = sorted(folder.glob('*.exr'))
    if not paths:
        raise ValueError(f'{folder}: expected .exr panoramas, got none; name another folder or '
                         'leave it out for a drawn one')
    return load_panorama(next((path for path in paths if path.stem == preferred), paths[0]))


def _sample(radiance: Array, columns: Array, rows: Array, cubic: bool) -> Array:
    """Sample at pixel positions; columns wrap around."""
    if columns.size == 0:
        return np.zeros((*columns.shape, 3), np.float32)
    margin = 4
    around = np.concatenate([radiance[:, -margin:], radiance, radiance[:, :margin]], 1)
    flat_columns = np.ascontiguousarray(columns.reshape(-1), np.float32) + margin
    flat_rows = np.ascontiguousarray(rows.reshape(-1), np.float32)
    # OpenCV's maps must not have more than 32767 columns.
    stride = 4096
    padding = -len(flat_columns) % stride
    map_x, map_y = (np.pad(flat, (0, padding)).reshape(-1, stride)
                    for flat in (flat_columns, flat_rows))
    mode = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    sampled: Array = cv2.remap(around, map_x, map_y, mode, borderMode=cv2.BORDER_REPLICATE)
    values = sampled.reshape(-1, 3)[:len(flat_columns)].reshape(*columns.shape, 3)
    return values.clip(0) if cubic else values
