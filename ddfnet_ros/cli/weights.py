# SPDX-License-Identifier: Apache-2.0
"""`ddfnet weights`: make model files of training runs, and pages of model files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ddfnet_ros.cli.options import parse

EXAMPLES = """\
  ddfnet weights ship runs/fast models/fast.safetensors --evaluation fast.json
  ddfnet weights cards models > models/README.md"""


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Write the averaged weights of a training run as a model file with its card."""

    run: tyro.conf.Positional[Path]
    """Folder that `ddfnet train` wrote."""
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar='NAME.safetensors')]
    """Model file to write."""
    evaluation: Path | None = None
    """What `ddfnet evaluate --json` wrote about this model; goes into the card."""


@dataclass(frozen=True, kw_only=True)
class Cards:
    """Print the cards of all model files of a folder as Markdown."""

    folder: tyro.conf.Positional[Path]
    """Folder with .safetensors files."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make model files of training runs, and pages of model files."""

    task: Annotated[Ship | Cards, tyro.conf.arg(name='')]


def run(words: Sequence[str]) -> int:
    """Do what the sub-verb says."""
    options = parse(Options, 'weights', words, EXAMPLES).task
    from ddfnet_ros.training import shipping  # noqa: PLC0415  (torch: 3 s)

    if isinstance(options, Cards):
        print('# Models\n\nWritten by `ddfnet weights cards` from the model files.\n')
        print(shipping.cards(options.folder))
        return 0
    evaluation = json.loads(options.evaluation.read_text()) if options.evaluation else None
    checksum = shipping.ship(options.run, options.model, evaluation)
    print(f'{options.model}: sha256 {checksum}')
    return 0
