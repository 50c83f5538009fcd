# SPDX-License-Identifier: Apache-2.0
"""`ddfnet train`: train a network on synthesised scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from ddfnet_ros.cli.options import as_options, parse
from ddfnet_ros.training.settings import TrainingSettings

EXAMPLES = """\
  ddfnet train --panoramas hdri/train --minutes 30
  ddfnet train --panoramas hdri/train --cutouts cutouts --architecture ddfnet --run runs/base
A stopped run goes on when the same command is given again."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a network on scenes synthesised from HDR panoramas, until the schedule ends.

    Ctrl-C or SIGTERM saves a checkpoint and leaves; `ddfnet weights ship` makes a model of it.
    """

    training: Annotated[TrainingSettings, as_options(TrainingSettings)] = field(
        default_factory=TrainingSettings)
    """How to train."""


def run(words: Sequence[str]) -> int:
    """Train."""
    options = parse(Options, 'train', words, EXAMPLES)
    from ddfnet_ros.training.train import train  # noqa: PLC0415  (torch: 3 s)

    state = train(options.training)
    print(f'{state.step} steps, {state.seconds / 60:.1f} min; '
          f'ship it: ddfnet weights ship {options.training.run} models/NAME.safetensors')
    return 0
