# SPDX-License-Identifier: Apache-2.0
"""`ddfnet weights`: make model files from training runs, and pages of model cards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ddfnet_ros.cli.options import optional
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting

EXAMPLES = """\
  ddfnet weights ship runs/mine models/mine.safetensors --evaluation mine.json
  ddfnet weights ship runs/both models/both.safetensors --pwcnet models/both_pwcnet.safetensors
  ddfnet weights ship runs/noisy models/noisy.safetensors --mix models/base.safetensors
  ddfnet weights slim runs/base carry/base
  ddfnet weights calibrate models/mine.safetensors --panoramas hdri/train --cutouts cutouts
  ddfnet weights import-pwcnet pwc_net.pth.tar models/pwcnet_nvlabs.safetensors
  ddfnet weights cards models > models/README.md"""

_File = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar='NAME.safetensors')]


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Write the averaged weights of a training run as a model file with its card."""

    run: tyro.conf.Positional[Path]
    """Folder that `ddfnet train` wrote, or a slim checkpoint's."""
    model: _File
    """Model file to write; one that is there is replaced."""
    evaluation: Annotated[Path | None, optional('JSON')] = None
    """What `ddfnet evaluate --json` wrote about this model; goes into the card."""
    pwcnet: Annotated[Path | None, optional('PWCNET.safetensors')] = None
    """Model file to write the PWC-Net to, where it was trained along; replaced as well."""
    mix: Annotated[Path | None, optional('OTHER.safetensors')] = None
    """Another model, which this was trained from or that from this: store a mean of both."""
    share: float = 0.5
    """The other model's share of the mean, 0 to 1."""
    json: bool = False
    """Print one JSON object and nothing else."""

    def __post_init__(self) -> None:
        if self.mix is None and self.share != Ship.share:
            raise ValueError(f'--share: expected --mix as well, got {self.share:g} alone; leave '
                             'it out, or name what to mix in')


@dataclass(frozen=True, kw_only=True)
class Slim:
    """Write a slim checkpoint: averaged weights as float16 in parts under 16 MiB."""

    run: tyro.conf.Positional[Path]
    """Folder that `ddfnet train` wrote."""
    folder: tyro.conf.Positional[Path]
    """Folder to write to; training goes on from it with --start-from."""
    json: bool = False
    """Print one JSON object and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Calibrate:
    """Note in a model's card what its convolutions are given, for `precision: int8`."""

    model: _File
    """Model file, of fast or what OpenVINO computes else; its weights stay."""
    panoramas: Annotated[Path, tyro.conf.arg(metavar='DIR')]
    """Folder of .exr panoramas: those that the model was trained on."""
    cutouts: Annotated[Path | None, optional('DIR')] = None
    """Folder of RGBA .png figures that move through the scenes."""
    batches: int = 64
    """Batches of two scenes to look at."""
    json: bool = False
    """Print one JSON object and nothing else."""

    def __post_init__(self) -> None:
        if self.batches < 1:
            raise ValueError(f'--batches: expected at least 1, got {self.batches}; leave it out '
                             'for 64')


@dataclass(frozen=True, kw_only=True)
class ImportPwcnet:
    """Convert NVlabs' PWC-Net for PyTorch, which is licensed for non-commercial use only."""

    checkpoint: tyro.conf.Positional[Path]
    """pwc_net.pth.tar or another file of the same layout."""
    model: _File
    """Model file to write; one that is there is replaced."""
    json: bool = False
    """Print one JSON object and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Cards:
    """Print the cards of all model files of a folder as Markdown."""

    folder: tyro.conf.Positional[Path]
    """Folder with .safetensors files."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make model files of training runs or of others' weights, and pages of model files."""

    task: Annotated[Ship | Slim | Calibrate | ImportPwcnet | Cards, tyro.conf.arg(name='')]


def run(words: Sequence[str]) -> int:
    """Run the sub-verb."""
    task = parse(Options, 'ddfnet weights', words, EXAMPLES).task
    with waiting('reading weights'):
        if isinstance(task, Cards):
            print(_format_cards(task.folder))
            return 0
        written = _run_task(task)
    print(json.dumps(written) if task.json else _format(written))
    return 0


def _format_cards(folder: Path) -> str:
    from ddfnet_ros.training import cards

    if not any(folder.glob('*.safetensors')):
        raise ValueError(f'{folder}: expected a folder with .safetensors files, got none there; '
                         'check the path')
    return cards.page(folder)


def _run_task(task: Ship | Slim | Calibrate | ImportPwcnet) -> dict[str, Any]:
    """Run the task; return what was written, by kind."""
    from ddfnet_ros.training import calibration, importing, shipping, slim

    if isinstance(task, Slim):
        files = slim.write(slim.read_any(task.run), task.folder)
        return {'bytes': {str(path): path.stat().st_size for path in files}}
    if isinstance(task, ImportPwcnet):
        checksum = importing.import_pwcnet(task.checkpoint, task.model)
        return {'sha256': {str(task.model): checksum}, 'licence': importing.LICENCE}
    if isinstance(task, Calibrate):
        ranges = calibration.calibrate(task.model, task.panoramas, task.cutouts, task.batches)
        return {'ranges': {str(task.model): len(ranges)}}
    evaluation = _read_evaluation(task.evaluation) if task.evaluation else None
    mix = shipping.Mix(task.mix, task.share) if task.mix else None
    checksum = shipping.ship(task.run, task.model, evaluation, pwcnet=task.pwcnet, mix=mix)
    return {'sha256': {str(task.model): checksum}}


def _format(written: Mapping[str, Any]) -> str:
    lines = [f'{path}: {count:,} bytes' for path, count in written.get('bytes', {}).items()]
    lines += [f'{path}: sha256 {checksum}' for path, checksum in written.get('sha256', {}).items()]
    lines += [f'{path}: ranges of {count} convolutions'
              for path, count in written.get('ranges', {}).items()]
    return '\n'.join(lines + [f'Licence: {text}' for key, text in written.items()
                              if key == 'licence'])


def _read_evaluation(path: Path) -> dict[str, Any]:
    """Read a JSON file that `ddfnet evaluate` wrote.

    Raises:
        ValueError: the file is something else.
    """
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        found = error
    if not isinstance(found, dict) or not {'methods', 'panoramas', 'seed'} <= found.keys() \
            or 'fused' not in found['methods']:
        problem = f'no JSON ({found})' if isinstance(found, ValueError) else 'other JSON'
        raise ValueError(f'{path}: expected what `ddfnet evaluate --json` wrote, got {problem}; '
                         'check the path')
    return found
