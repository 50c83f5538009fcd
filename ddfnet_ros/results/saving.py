# SPDX-License-Identifier: Apache-2.0
"""Saves a bracket and its result as a folder of frames, radiance, picture and metadata."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.bracket import Frame
from ddfnet_ros.images import write_exr, write_png
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.whole_files import write_whole


def save(deghosted: Deghosted, folder: Path, about: Mapping[str, Any], blur: float = 0.0) -> Path:
    """Write a folder named after the stamp of the reference frame, completely or not at all.

    It contains `radiance.exr`, `image.png`, `metadata.json`, and the frames as `frame_1.png`
    (`.exr` for float pixels), numbered from the shortest exposure.

    Args:
        deghosted: Result with its bracket.
        folder: Parent folder; created if missing.
        about: Further metadata, as JSON types.
        blur: Standard deviation of a Gaussian blur of all pictures [pixels]; 0: none.

    Returns:
        The new folder. If one of that stamp exists, `_2` is appended to the name.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial, final = _create_partial(folder, deghosted.bracket.reference.stamp_ns)
    try:
        _write(_blurred(deghosted, blur) if blur else deghosted, partial, about)
        return partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _create_partial(folder: Path, stamp_ns: int) -> tuple[Path, Path]:
    """Create a folder to write to; return it and its final path, which it also reserves.

    Cameras that are triggered together have equal stamps, and may save at the same time.
    """
    paths = _candidate_paths(folder, stamp_ns)
    while True:
        final = next(paths)
        partial = final.with_name(f'.{final.name}.partial')
        with suppress(FileExistsError):
            partial.mkdir()
            if not final.exists():
                return partial, final
            partial.rmdir()


def _candidate_paths(folder: Path, stamp_ns: int) -> Iterator[Path]:
    yield folder / f'{stamp_ns}'
    for number in count(2):
        yield folder / f'{stamp_ns}_{number}'


def _blurred(deghosted: Deghosted, sigma: float) -> Deghosted:
    """Blur the frames, the radiance and the picture."""
    bracket = deghosted.bracket
    frames = tuple(dataclasses.replace(frame, pixels=_smooth(frame.pixels, sigma))
                   for frame in bracket.frames)
    return dataclasses.replace(
        deghosted, bracket=dataclasses.replace(bracket, frames=frames),
        radiance=_smooth(deghosted.radiance, sigma), image=_smooth(deghosted.image, sigma))


def _smooth(pixels: npt.NDArray[Any], sigma: float) -> npt.NDArray[Any]:
    """Blur (H, W) or (H, W, 3) pixels of any type."""
    return cv2.GaussianBlur(np.ascontiguousarray(pixels), (0, 0), sigma)


def _write(deghosted: Deghosted, folder: Path, about: Mapping[str, Any]) -> None:
    write_exr(folder / 'radiance.exr', deghosted.radiance)
    write_png(folder / 'image.png', deghosted.image)
    bracket = deghosted.bracket
    members = [_write_frame(frame, folder, place) for place, frame in enumerate(bracket.frames, 1)]
    metadata = {
        'frames': members, 'reference': bracket.reference_index + 1,
        'frame_id': bracket.reference.frame_id,
        'radiance_unit': 'LDR ** gamma / (exposure_time * gain)',
        'stage_ms': deghosted.stage_ms, **about,
    }
    text = json.dumps(metadata, indent=2, allow_nan=False) + '\n'
    write_whole(folder / 'metadata.json', text.encode())


def _write_frame(frame: Frame, folder: Path, place: int) -> dict[str, Any]:
    if frame.pixels.dtype == np.float32:
        name = f'frame_{place}.exr'
        write_exr(folder / name, frame.pixels.astype(np.float32, copy=False))
    else:
        name = f'frame_{place}.png'
        write_png(folder / name, frame.pixels)
    return {'file': name, 'stamp_ns': frame.stamp_ns, 'exposure_time': frame.exposure_time,
            'gain': frame.gain, 'sequence_id': frame.sequence_id, 'stream': frame.stream}
