# SPDX-License-Identifier: Apache-2.0
"""Read scenes of the public HDR data set by Kalantari and Ramamoorthi.

Kalantari, Ramamoorthi: Deep High Dynamic Range Imaging of Dynamic Scenes, SIGGRAPH 2017. A scene
is a folder with three .tif frames (sorted by name from short to long), exposure.txt with their
exposure values (EV, one per line) and HDRImg.hdr, the truth at the middle frame's time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Pixels
from ddfnet_ros.images import read_ldr

FRAMES = 3
EXPOSURES = 'exposure.txt'
TRUTH = 'HDRImg.hdr'


class SceneError(ValueError):
    """A scene folder exists but cannot be used."""


@dataclass(frozen=True, eq=False, kw_only=True)
class KalantariScene:
    """One bracket and its truth, as read from disk.

    Attributes:
        name: Name of the folder.
        frames: Three frames, (H, W, 3) RGB, uint8 or uint16, from short to long.
        exposure: Exposures relative to the shortest, 2 ** (EV - min EV).
        truth: (H, W, 3) radiance at the middle frame's time, relative to the shortest exposure.
    """

    name: str
    frames: tuple[Pixels, ...]
    exposure: tuple[float, ...]
    truth: npt.NDArray[np.float32]


def find_scenes(root: Path) -> list[Path]:
    """Return all scene folders at or below `root`, sorted.

    Raises:
        SceneError: there is none.
    """
    found = sorted(path.parent for path in root.rglob(EXPOSURES))
    if not found:
        raise SceneError(f'{root}: expected folders with {EXPOSURES}, got none; give the folder '
                         'that holds the scenes')
    return found


def read_scenes(root: Path) -> Iterator[KalantariScene]:
    """Read all scenes at or below a folder.

    Raises:
        SceneError: there is none, or one cannot be used.
    """
    return map(read_scene, find_scenes(root))


def read_scene(folder: Path) -> KalantariScene:
    """Read one scene.

    Raises:
        SceneError: a file is missing, or the files do not belong together.
        OSError: a file cannot be opened.
        ImageError: an image is damaged.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ('.tif', '.tiff'))
    if len(paths) != FRAMES:
        raise SceneError(f'{folder}: expected {FRAMES} .tif frames, got {len(paths)}; '
                         'copy the scene again')
    if not (folder / TRUTH).is_file():
        raise SceneError(f'{folder}: expected {TRUTH}, got none; copy the scene again')
    frames = tuple(map(read_ldr, paths))
    truth = read_ldr(folder / TRUTH)
    for path, pixels in zip([*paths, folder / TRUTH], [*frames, truth], strict=True):
        if pixels.shape != (*truth.shape[:2], 3):
            raise SceneError(f'{path}: expected {truth.shape[1]}x{truth.shape[0]} pixels in '
                             f'colour, as {TRUTH} has, got {pixels.shape}; copy the scene again')
    return KalantariScene(
        name=folder.name, frames=frames, exposure=read_exposures(folder / EXPOSURES),
        truth=np.maximum(np.float32(truth), 0),
    )


def read_exposures(path: Path) -> tuple[float, ...]:
    """Read exposure values from a file; return 2 ** (EV - min EV), relative to the shortest.

    Raises:
        SceneError: not three rising numbers.
    """
    words = path.read_text(errors='replace').split()
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    rising = all(low < high < math.inf for low, high in pairwise(values))
    if len(values) != FRAMES or not rising:
        raise SceneError(f'{path}: expected {FRAMES} rising exposure values [EV], got '
                         f'{" ".join(words[:5]) or "nothing"!r}; one per line, short to long')
    return tuple(2 ** (value - values[0]) for value in values)
