# SPDX-License-Identifier: Apache-2.0
"""`ddfnet weights`: make model files of training runs, and pages of model files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ddfnet_ros.cli.options import optional
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.command_line.waiting import waiting

EXAMPLES = """\
  ddfnet weights ship runs/fast models/fast.safetensors --evaluation fast.json
  ddfnet weights ship runs/base models/base.safetensors --pwcnet models/pwcnet.safetensors
  ddfnet weights slim runs/base carry/base
  ddfnet weights import-pwcnet pwc_net.pth.tar models/pwcnet_nvlabs.safetensors
  ddfnet weights cards models > models/README.md"""

_File = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar='NAME.safetensors')]


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Write the averaged weights of a training run as a model file with its card."""

    run: tyro.conf.Positional[Path]
    """Folder that `ddfnet train` wrote, or a slim checkpoint's."""
    model: _File
    """Model file to write."""
    evaluation: Annotated[Path | None, optional('JSON')] = None
    """What `ddfnet evaluate --json` wrote about this model; goes into the card."""
    pwcnet: Annotated[Path | None, optional('PWCNET.safetensors')] = None
    """Model file to write the PWC-Net to, where it was trained along."""


@dataclass(frozen=True, kw_only=True)
class Slim:
    """Write a slim checkpoint: averaged weights as float16 in parts under 16 MiB."""

    run: tyro.conf.Positional[Path]
    """Folder that `ddfnet train` wrote."""
    folder: tyro.conf.Positional[Path]
    """Folder to write to; training goes on from it with --start-from."""


@dataclass(frozen=True, kw_only=True)
class ImportPwcnet:
    """Convert NVlabs' PWC-Net for PyTorch, which is licensed for non-commercial use only."""

    checkpoint: tyro.conf.Positional[Path]
    """pwc_net.pth.tar or another file of the same layout."""
    model: _File
    """Model file to write."""


@dataclass(frozen=True, kw_only=True)
class Cards:
    """Print the cards of all model files of a folder as Markdown."""

    folder: tyro.conf.Positional[Path]
    """Folder with .safetensors files."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make model files of training runs or of others' weights, and pages of model files."""

    task: Annotated[Ship | Slim | ImportPwcnet | Cards, tyro.conf.arg(name='')]


def run(words: Sequence[str]) -> int:
    """Do what the sub-verb says."""
    task = parse(Options, 'ddfnet weights', words, EXAMPLES).task
    with waiting('reading weights'):
        said = _done(task)
    print(said)
    return 0


def _done(chosen: Ship | Slim | ImportPwcnet | Cards) -> str:
    """Do it, and tell what was done."""
    from ddfnet_ros.training import importing, shipping, slim

    if isinstance(chosen, Cards):
        if not any(chosen.folder.glob('*.safetensors')):
            raise ValueError(f'{chosen.folder}: expected a folder with .safetensors files, got '
                             'none there; check the path')
        return shipping.page(chosen.folder)
    if isinstance(chosen, Slim):
        files = slim.write(slim.read_any(chosen.run), chosen.folder)
        return '\n'.join(f'{path}: {path.stat().st_size:,} bytes' for path in files)
    if isinstance(chosen, ImportPwcnet):
        checksum = importing.import_pwcnet(chosen.checkpoint, chosen.model)
        return f'{chosen.model}: sha256 {checksum}\nLicence: {importing.LICENCE}'
    evaluation = _read_evaluation(chosen.evaluation) if chosen.evaluation else None
    checksum = shipping.ship(chosen.run, chosen.model, evaluation, pwcnet=chosen.pwcnet)
    return f'{chosen.model}: sha256 {checksum}'


def _read_evaluation(path: Path) -> dict[str, Any]:
    """What `ddfnet evaluate` wrote.

    Raises:
        ValueError: it is something else.
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
