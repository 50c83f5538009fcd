# SPDX-License-Identifier: Apache-2.0
"""Read image files as the frames of one bracket; exposures come from the user or from EXIF."""

from __future__ import annotations

import errno
import math
import os
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from ddfnet_ros import images
from ddfnet_ros.bracket import Bracket, Frame, Pixels, check_pixels, mismatched_frames
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES, RadianceSettings

AUTO = ('auto',)


def frames_of(
    paths: Sequence[Path], times: tuple[str, ...], settings: RadianceSettings
) -> list[Frame]:
    """Read the exposures of one scene.

    Args:
        paths: Paths of 2 to 9 files, in any order.
        times: Value of --exposure-times: one per file, AUTO, or empty for EXIF data.
        settings: Settings with the camera response, which AUTO needs.

    Raises:
        ValueError: a file is not an image, or its exposure is unknown.
        OSError: a file cannot be read.
    """
    _check_named(paths, times)
    if folder := next((path for path in paths if path.is_dir()), None):
        if (folder / 'metadata.yaml').is_file():
            raise ValueError(f'expected image files, got the bag {folder}; give it alone to '
                             'ddfnet bag or ddfnet view')
        raise ValueError(f'expected image files, got the folder {folder}; name {folder}/*.png')
    if not MIN_FRAMES <= len(paths) <= MAX_FRAMES:
        raise ValueError(f'expected {MIN_FRAMES} to {MAX_FRAMES} image files, got '
                         f'{len(paths)}; name the exposures of one scene')
    pictures = [_read(path) for path in paths]
    _check_alike(paths, pictures)
    gains = [1.0] * len(pictures)
    if times == AUTO:
        exposures, sure = _estimate(pictures, settings)
        if not sure:
            print(f'ddfnet: warning: expected frames that tell their exposures, got some that may '
                  f'not; {_remedy(paths)}', file=sys.stderr)
    elif times:
        exposures = [seconds(word) for word in times]
    else:
        exposures = [_exif_time(path) for path in paths]
        gains = [images.read_gain(path) for path in paths]
    if len(exposures) != len(pictures):
        raise ValueError(f'expected {len(pictures)} exposure times, one per file, got '
                         f'{len(exposures)}; or use --exposure-times auto')
    return [
        Frame(pixels=pixels, exposure_time=exposure, gain=gain)
        for pixels, exposure, gain in zip(pictures, exposures, gains, strict=True)
    ]


def seconds(word: str) -> float:
    """Parse a time such as 0.004, 4e-3 or 1/250 [s].

    Raises:
        ValueError: not a time > 0.
    """
    try:
        # Fraction only where needed: it would write out 1e99999999 in full.
        time = float(Fraction(word) if '/' in word else word)
    except (ValueError, ZeroDivisionError, OverflowError):
        time = math.nan
    if not 0 < time < math.inf:
        raise ValueError(f'--exposure-times: expected seconds > 0 or auto, got {word!r}; write '
                         'them with blanks between, such as 1 4 16 or 1/250 1/60')
    return time


def warn_of_mismatch(bracket: Bracket, files: Mapping[int, Path]) -> None:
    """Warn if a longer exposure is no brighter than a shorter one.

    Args:
        bracket: The bracket.
        files: Path of each frame by the frame's `id()`.
    """
    if frames := mismatched_frames(bracket):
        shorter, longer = (f'{files[id(frame)]} ({frame.exposure:.4g})' for frame in frames)
        print(f'ddfnet: warning: expected {longer} to be brighter than {shorter}, got a picture '
              'that is not; give different files, and --exposure-times in their order',
              file=sys.stderr)


def check_not_among_times(paths: Sequence[Path], times: Sequence[str]) -> None:
    """Raise ValueError if the files were named behind --exposure-times, which took them."""
    if not paths and times != AUTO and not all(map(_is_time, times)):
        raise ValueError('expected image files, got none before --exposure-times, which takes all '
                         'that follows it; put the files before it, or -- between')


def _is_time(word: str) -> bool:
    try:
        return seconds(word) > 0
    except ValueError:
        return False


def _check_named(paths: Sequence[Path], times: Sequence[str]) -> None:
    """Raise an error unless files are named that are there."""
    check_not_among_times(paths, times)
    if missing := next((path for path in paths if not path.exists()), None):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(missing))


def _read(path: Path) -> Pixels:
    pixels = images.read_ldr(path)
    try:
        check_pixels(pixels)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return pixels


def _check_alike(paths: Sequence[Path], pictures: Sequence[Pixels]) -> None:
    first = pictures[0]
    for path, pixels in zip(paths, pictures, strict=True):
        if (pixels.shape, pixels.dtype) != (first.shape, first.dtype):
            raise ValueError(f'{path}: expected frames alike, {first.shape} {first.dtype} as '
                             f'{paths[0]}, got {pixels.shape} {pixels.dtype}; resize or convert '
                             'them first')


def _estimate(
    pictures: Sequence[Pixels], settings: RadianceSettings
) -> tuple[list[float], bool]:
    """Estimate exposures up to a common factor; also return whether the estimate is sure."""
    from ddfnet_ros.runtime.exposure_ratios import estimate_exposures

    exposures, ratios = estimate_exposures(pictures, settings)
    found = '; '.join(f'ratio {ratio}' for ratio in ratios)
    print(f'ddfnet: estimated exposures {" ".join(f"{e:.4g}" for e in exposures)}: {found}',
          file=sys.stderr)
    return exposures, all(ratio.sure for ratio in ratios)


def _remedy(paths: Sequence[Path]) -> str:
    times = [images.read_exposure_time(path) for path in paths]
    if None in times:
        return 'name the times, or try another --response'
    return (f'leave --exposure-times out: the EXIF data have '
            f'{" ".join(f"{time:.4g}" for time in times)}')


def _exif_time(path: Path) -> float:
    if (time := images.read_exposure_time(path)) is None:
        raise ValueError(f'{path}: expected an exposure time in its EXIF data, got none; '
                         'set --exposure-times, or --exposure-times auto')
    return time
