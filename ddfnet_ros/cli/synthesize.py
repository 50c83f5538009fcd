# SPDX-License-Identifier: Apache-2.0
"""`ddfnet synthesize`: make the demo's recording, or a preview of training scenes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tqdm import tqdm

from ddfnet_ros.cli.options import check_output, optional
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting
from ddfnet_ros.images import write_png
from ddfnet_ros.synthesis.scene_settings import SceneSettings

EXAMPLES = """\
  ddfnet synthesize --output my_street                              (procedural panorama)
  ddfnet synthesize --output my_street --panoramas my_panoramas --brackets 30
  ddfnet play my_street/street.mcap --loop 0
  ddfnet synthesize --preview scenes.png --panoramas my_panoramas --cutouts my_cutouts"""

_PREVIEW_SCENES = 32  # scenes on the sheet


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a recording of a street in exposure brackets, with its truth beside it.

    Written are street.mcap, and truth/ with the radiance of every reference frame (EXR) and a
    mask of what moves (PNG). Takes minutes on two cores; the same seed gives the same recording.
    """

    output: Annotated[Path | None, optional('DIR')] = None
    """Folder to write to; made if missing."""
    preview: Annotated[Path | None, optional('PNG')] = None
    """Instead: a sheet of random training scenes, frames from short to long and the truth."""
    panoramas: Annotated[Path | None, optional('DIR')] = None
    """Folder of equirectangular .exr panoramas; absent: one is drawn by code, for the street."""
    cutouts: Annotated[Path | None, optional('DIR')] = None
    """Folder of RGBA .png cut-outs that move through the preview's scenes."""
    brackets: int = 14
    """How many brackets."""
    seed: int = 7
    """Of everything random."""
    json: bool = False
    """Print one JSON object and nothing else."""

    def __post_init__(self) -> None:
        if (self.output is None) == (self.preview is None):
            raise ValueError('expected one of --output and --preview; name what to write')
        if self.preview is not None and self.panoramas is None:
            raise ValueError('--preview: expected --panoramas as well, a folder of .exr panoramas')
        if self.brackets < 1:
            raise ValueError(f'--brackets: expected at least 1, got {self.brackets}')
        if self.seed < 0:
            raise ValueError(f'--seed: expected 0 or more, got {self.seed}; choose another')
        self._check_for_useless_options()
        for name in ('panoramas', 'cutouts'):
            folder = getattr(self, name)
            if folder is not None and not folder.is_dir():
                raise ValueError(f'--{name}: expected a folder, got {folder}')

    def _check_for_useless_options(self) -> None:
        beside, ignored = ('output', 'cutouts') if self.preview is None else (
            'preview', 'brackets')
        if getattr(self, ignored) != getattr(Options, ignored):
            raise ValueError(f'--{ignored}: expected none with --{beside}, where it changes '
                             'nothing; leave it out')


def run(words: Sequence[str]) -> int:
    """Render and record, with a progress bar."""
    options = parse(Options, 'ddfnet synthesize', words, EXAMPLES)
    if options.preview is not None and options.panoramas is not None:
        check_output(options.preview, '.png')
        _write_preview(options.preview, options.panoramas, options.cutouts, options.seed)
        written = {'preview': str(options.preview)}
    elif options.output is not None:
        recording = _write_recording(options.output, options)
        written = {'recording': str(recording), 'truth': str(recording.with_name('truth'))}
    print(json.dumps(written) if options.json else next(iter(written.values())))
    return 0


def _write_preview(picture: Path, panoramas: Path, cutouts: Path | None, seed: int) -> None:
    with waiting('making scenes'):
        from ddfnet_ros.synthesis.layers import CutoutBank
        from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
        from ddfnet_ros.synthesis.preview import random_sheet
        from ddfnet_ros.synthesis.scenes import SceneSource

        source = SceneSource(
            PanoramaBank(panoramas), SceneSettings(instants=8),
            CutoutBank(cutouts) if cutouts is not None else None)
        sheet = random_sheet(source, _PREVIEW_SCENES, seed)
    write_png(picture, sheet)


def _write_recording(folder: Path, options: Options) -> Path:
    with waiting('getting ready'):
        from ddfnet_ros.synthesis.street import synthesize_street

    with tqdm(desc='frames', disable=None) as bar:
        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return synthesize_street(
            folder, options.panoramas, seed=options.seed, brackets=options.brackets,
            progress=progress)
