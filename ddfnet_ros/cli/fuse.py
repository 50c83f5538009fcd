# SPDX-License-Identifier: Apache-2.0
"""`ddfnet fuse`: image files in, one HDR image out."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import tyro

from ddfnet_ros import images
from ddfnet_ros.bracket import MAX_FRAMES, MIN_FRAMES, Bracket, Frame, Pixels, check_pixels
from ddfnet_ros.cli.options import FUSION, parse
from ddfnet_ros.settings import DeghosterSettings

EXAMPLES = """\
  ddfnet fuse short.png middle.png long.png --exposure-times 1 4 16 --output scene.exr
  ddfnet fuse a.tif b.tif c.tif --exposure-times 1/500 1/125 1/30 --output scene.exr
  ddfnet fuse IMG_*.JPG --output scene.exr --tonemapped scene.png    (times from EXIF)
  ddfnet fuse *.png --exposure-times auto --response srgb --output scene.exr"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fuse the exposures of one scene into an HDR image without ghosts.

    The files may come in any order. The result lies on the pixels of the reference frame, and its
    unit is LDR ** gamma / exposure time: with times 1 4 16 it is radiance in [0, 1] wherever the
    shortest frame is not clipped.
    """

    ldr: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar='LDR...')]
    """2 to 9 frames: PNG, JPEG or TIFF of 8 or 16 bits, float TIFF or EXR in [0, 1]."""
    output: Annotated[Path, tyro.conf.arg(metavar='OUT.exr')]
    """Where the radiance goes: EXR, channels R, G, B, float32."""
    exposure_times: Annotated[tuple[str, ...], tyro.conf.arg(metavar='T...')] = ()
    """Seconds per file, in the files' order, such as 0.004 or 1/250; absent: from EXIF data; \
auto: ratios estimated from unclipped pixels that do not move."""
    tonemapped: Annotated[Path | None, tyro.conf.arg(metavar='OUT.png')] = None
    """Also write a tone-mapped picture."""
    fusion: Annotated[DeghosterSettings, FUSION] = field(default_factory=DeghosterSettings)
    """How to fuse."""


def run(words: Sequence[str]) -> int:
    """Read, fuse, write."""
    options = parse(Options, 'fuse', words, EXAMPLES)
    _check_output(options.output, '.exr')
    if options.tonemapped is not None:
        _check_output(options.tonemapped, '.png')
    bracket = Bracket.of(_frames(options), options.fusion.reference)

    from ddfnet_ros.runtime.deghoster import Deghoster  # noqa: PLC0415  (torch: 3 s)

    deghoster = Deghoster(options.fusion)
    fused = deghoster(bracket)
    images.write_exr(options.output, fused.radiance)
    if options.tonemapped is not None:
        images.write_png(options.tonemapped, fused.image)
    times = ' '.join(f'{exposure:.4g}' for exposure in bracket.exposures)
    print(f'{options.output}: exposures {times}, reference {bracket.reference_index + 1}, '
          f'model {deghoster.model_name} on {deghoster.device}, '
          f'{sum(fused.stage_ms.values()) / 1e3:.2f} s')
    return 0


def _check_output(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix:
        raise ValueError(f'expected an output that ends in {suffix}, got {path}; rename it')
    images.check_writable(path)


def _frames(options: Options) -> list[Frame]:
    if not MIN_FRAMES <= len(options.ldr) <= MAX_FRAMES:
        raise ValueError(f'expected {MIN_FRAMES} to {MAX_FRAMES} image files, got '
                         f'{len(options.ldr)}; name the exposures of one scene')
    pictures = [_read(path) for path in options.ldr]
    times, gains = _exposures(options, pictures)
    if len(times) != len(pictures):
        raise ValueError(f'expected {len(pictures)} exposure times, one per file, got '
                         f'{len(times)}; or use --exposure-times auto')
    return [
        Frame(pixels=pixels, exposure_time=time, gain=gain)
        for pixels, time, gain in zip(pictures, times, gains, strict=True)
    ]


def _read(path: Path) -> Pixels:
    pixels = images.read_ldr(path)
    try:
        check_pixels(pixels)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return pixels


def _exposures(options: Options, pictures: list[Pixels]) -> tuple[list[float], list[float]]:
    """Exposure times and gains of the files, from where the user said."""
    unit_gains = [1.0] * len(pictures)
    if options.exposure_times == ('auto',):
        return _estimated(options, pictures), unit_gains
    if options.exposure_times:
        return [_seconds(word) for word in options.exposure_times], unit_gains
    times = [_exif_time(path) for path in options.ldr]
    return times, [images.read_gain(path) for path in options.ldr]


def _estimated(options: Options, pictures: list[Pixels]) -> list[float]:
    from ddfnet_ros.runtime.exposure_ratios import estimate_exposures  # noqa: PLC0415  (torch)

    exposures, ratios = estimate_exposures(pictures, options.fusion)
    found = '; '.join(f'ratio {ratio}' for ratio in ratios)
    print(f'ddfnet: estimated exposures {" ".join(f"{e:.4g}" for e in exposures)}: {found}',
          file=sys.stderr)
    return exposures


def _seconds(word: str) -> float:
    try:
        seconds = float(Fraction(word))
    except (ValueError, ZeroDivisionError):
        seconds = math.nan
    if not seconds > 0:
        raise ValueError(f'--exposure-times: expected seconds > 0 or auto, got {word!r}')
    return seconds


def _exif_time(path: Path) -> float:
    if (time := images.read_exposure_time(path)) is None:
        raise ValueError(f'{path}: expected an exposure time in its EXIF data, got none; '
                         'set --exposure-times, or --exposure-times auto')
    return time
