# SPDX-License-Identifier: Apache-2.0
"""`ddfnet bench`: time and memory of a model on this machine, beside OpenCV's exposure fusion."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from ddfnet_ros.cli.options import FUSION
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.settings import MAX_FRAMES, MIN_FRAMES, DeghosterSettings

if TYPE_CHECKING:
    from ddfnet_ros.evaluation.speed import Speed

EXAMPLES = """\
  ddfnet bench
  ddfnet bench --model fast --size 1920x1080 --json"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Time a model on this machine, beside OpenCV's AlignMTB + MergeMertens in turn.

    A call is all that happens to a bracket: 8-bit frames in, flow, network, 8-bit image and float
    radiance out. Shown are medians; let the machine be idle.
    """

    size: str = '640x360'
    """Width and height of the frames [px], as WIDTHxHEIGHT."""
    frames: int = 3
    """Exposures in the bracket."""
    repeats: int = 20
    """Timed calls of each."""
    json: bool = False
    """Print one JSON object and nothing else."""
    fusion: Annotated[DeghosterSettings, FUSION] = field(default_factory=DeghosterSettings)
    """How to fuse."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r'\d{2,5}x\d{2,5}', self.size) or min(_parse_size(self.size)) < 64:
            raise ValueError('--size: expected WIDTHxHEIGHT of at least 64 pixels each, such as '
                             f'640x360, got {self.size!r}')
        if not MIN_FRAMES <= self.frames <= MAX_FRAMES:
            raise ValueError(
                f'--frames: expected {MIN_FRAMES} to {MAX_FRAMES}, got {self.frames}')
        if self.repeats < 3:
            raise ValueError(f'--repeats: expected at least 3, got {self.repeats}')
        if self.fusion.reference:
            raise ValueError(f'--reference: expected none, as no time depends on it, got '
                             f'{self.fusion.reference}; leave it out')


def run(words: Sequence[str]) -> int:
    """Measure and print."""
    options = parse(Options, 'ddfnet bench', words, EXAMPLES)
    with waiting('reading the model'):
        from ddfnet_ros.evaluation.speed import measure
        from ddfnet_ros.runtime.deghoster import Deghoster

        deghoster = Deghoster(options.fusion)
    speed = measure(deghoster, _parse_size(options.size), options.frames, options.repeats)
    print(json.dumps(dataclasses.asdict(speed)) if options.json else _format(speed))
    return 0


def _parse_size(size: str) -> tuple[int, int]:
    width, height = size.split('x')
    return int(width), int(height)


def _format(speed: Speed) -> str:
    stages = ', '.join(f'{name} {ms:.1f}' for name, ms in speed.stage_ms.items())
    memory = '' if speed.peak_mib is None else f', {speed.peak_mib:.0f} MiB at the peak'
    return (f'{speed.processor}, {speed.threads} threads, {speed.frames} frames of '
            f'{speed.width}x{speed.height}\n'
            f'{speed.model} ({speed.backend}, {speed.precision}): {speed.median_ms:.1f} ms '
            f'(IQR {speed.iqr_ms:.1f}){memory}\n'
            f'  of that: {stages}\n'
            f'AlignMTB + MergeMertens: {speed.mertens_median_ms:.1f} ms '
            f'(IQR {speed.mertens_iqr_ms:.1f})\n'
            f'ratio {speed.ratio:.2f}')
