# SPDX-License-Identifier: Apache-2.0
"""`ddfnet synthesize`: make the demo's recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from ddfnet_ros.cli.options import parse

EXAMPLES = """\
  ddfnet synthesize --output my_street                              (procedural panorama)
  ddfnet synthesize --output my_street --panoramas my_panoramas --brackets 30
  ddfnet play my_street/street.mcap --loop 0"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a recording of a street in exposure brackets, with its truth beside it.

    Written are street.mcap, and truth/ with the radiance of every reference frame (EXR) and a
    mask of what moves (PNG). Takes minutes on two cores; the same seed gives the same recording.
    """

    output: Annotated[Path, tyro.conf.arg(metavar='DIR')]
    """Folder to write to; made if missing."""
    panoramas: Annotated[Path | None, tyro.conf.arg(metavar='DIR')] = None
    """Folder of equirectangular .exr panoramas; absent: one is drawn by code."""
    brackets: int = 14
    """How many brackets."""
    seed: int = 7
    """Of everything random."""

    def __post_init__(self) -> None:
        if self.brackets < 1:
            raise ValueError(f'--brackets: expected at least 1, got {self.brackets}')
        if self.panoramas is not None and not self.panoramas.is_dir():
            raise ValueError(f'--panoramas: expected a folder, got {self.panoramas}')


def run(words: Sequence[str]) -> int:
    """Render and record, with a progress bar."""
    options = parse(Options, 'synthesize', words, EXAMPLES)

    from ddfnet_ros.synthesis.street import synthesize_street  # noqa: PLC0415  (torch: 3 s)

    with tqdm(desc='frames', disable=None) as bar:
        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        recording = synthesize_street(
            options.output, options.panoramas, seed=options.seed, brackets=options.brackets,
            progress=progress)
    print(recording)
    return 0
