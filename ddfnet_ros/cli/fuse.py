# SPDX-License-Identifier: Apache-2.0
"""`ddfnet fuse`: image files in, one HDR image out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from ddfnet_ros import images
from ddfnet_ros.bracket import Bracket
from ddfnet_ros.cli.image_files import frames_of, warn_of_mismatch
from ddfnet_ros.cli.options import FUSION, check_output, optional
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import DeghosterSettings

EXAMPLES = """\
  ddfnet fuse short.png middle.png long.png --exposure-times 1 4 16 --output scene.exr
  ddfnet fuse a.tif b.tif c.tif --exposure-times 1/500 1/125 1/30 --output scene.exr
  ddfnet fuse IMG_*.JPG --output scene.exr --tonemapped scene.png    (times from EXIF)
  ddfnet fuse *.png --exposure-times auto --response srgb --output scene.exr
  ddfnet fuse a.png b.png c.png --exposure-times 1 4 16 --output scene.exr --json | jq .stage_ms"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fuse the exposures of one scene into an HDR image without ghosts.

    The files may come in any order. The result lies on the pixels of the reference frame, and its
    unit is LDR ** gamma / exposure time: with times 1 4 16 it is radiance in [0, 1] wherever the
    shortest frame is not clipped.
    """

    ldr: Annotated[tyro.conf.Positional[tuple[Path, ...]], optional('LDR...')]
    """2 to 9 frames: PNG, JPEG or TIFF of 8 or 16 bits, float TIFF or EXR in [0, 1]."""
    output: Annotated[Path, tyro.conf.arg(metavar='OUT.exr')]
    """Where the radiance goes: EXR, channels R, G, B, float32."""
    exposure_times: Annotated[tuple[str, ...], optional('T...')] = ()
    """Seconds per file, in the files' order, such as 0.004 or 1/250; absent: from EXIF data; \
auto: ratios estimated from unclipped pixels that do not move."""
    tonemapped: Annotated[Path | None, optional('OUT.png')] = None
    """Also write a tone-mapped picture."""
    json: bool = False
    """Print one JSON object and nothing else."""
    fusion: Annotated[DeghosterSettings, FUSION] = field(default_factory=DeghosterSettings)
    """How to fuse."""


def run(words: Sequence[str]) -> int:
    """Read, fuse, write."""
    options = parse(Options, 'ddfnet fuse', words, EXAMPLES)
    check_output(options.output, '.exr')
    if options.tonemapped is not None:
        check_output(options.tonemapped, '.png')
    _check_no_input_overwritten(options)
    with waiting('fusing'):
        frames = frames_of(options.ldr, options.exposure_times, options.fusion)
        bracket = Bracket.of(frames, options.fusion.reference)

        from ddfnet_ros.runtime.deghoster import Deghoster

        deghoster = Deghoster(options.fusion)
        fused = deghoster(bracket)
    warn_of_mismatch(bracket, dict(zip(map(id, frames), options.ldr, strict=True)))
    images.write_exr(options.output, fused.radiance)
    if options.tonemapped is not None:
        images.write_png(options.tonemapped, fused.image)
    about = {
        'output': str(options.output),
        'tonemapped': str(options.tonemapped) if options.tonemapped else None,
        'exposures': list(bracket.exposures), 'reference': bracket.reference_index + 1,
        'model': deghoster.model_name, 'device': deghoster.device, 'stage_ms': fused.stage_ms}
    print(json.dumps(about) if options.json else _format(about))
    return 0


def _check_no_input_overwritten(options: Options) -> None:
    """Raise ValueError if a result would overwrite an input file."""
    frames = [path for path in options.ldr if path.exists()]
    for result in (options.output, options.tonemapped):
        if result is not None and result.exists() and any(map(result.samefile, frames)):
            raise ValueError(f'expected a result beside the frames, got {result}, which is one of '
                             'them; choose another name')


def _format(about: Mapping[str, Any]) -> str:
    times = ' '.join(f'{exposure:.4g}' for exposure in about['exposures'])
    return (f'{about["output"]}: exposures {times}, reference {about["reference"]}, '
            f'model {about["model"]} on {about["device"]}, '
            f'{sum(about["stage_ms"].values()) / 1e3:.2f} s')
