# SPDX-License-Identifier: Apache-2.0
"""Parse training settings from the command line with the standard library only.

The other commands use tyro. Training must also run on machines that have little more than torch
(`python -m ddfnet_ros.training`).
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, get_args, get_type_hints

from ddfnet_ros.command_line.naming import with_option_names
from ddfnet_ros.training.settings import TrainingSettings

_EXAMPLES = """\
A stopped run goes on when the same command is given again. Ctrl-C or SIGTERM saves a checkpoint
and leaves; `ddfnet weights ship` makes a model of it.

examples:
  {prog} --flow dis --panoramas hdri/train --cutouts cutouts --run runs/base
  {prog} --recipe budget --panoramas hdri/train --minutes 30 --run runs/fast
  {prog} --flow dis --dataset kalantari --root Training --run runs/kalantari
  {prog} --recipe paper-denoise --flow dis --shortcut --start-from base --panoramas hdri/train \\
    --run runs/denoise"""


class ParsedOptions(NamedTuple):
    """The parsed command line.

    Attributes:
        settings: Training settings.
        json: Whether to print the outcome as JSON.
    """

    settings: TrainingSettings
    json: bool


def parse(words: Sequence[str], prog: str) -> ParsedOptions:
    """Parse options; those not given take the chosen recipe's values.

    Args:
        words: Command-line words after the command.
        prog: Command as its help shows it.

    Raises:
        ValueError: unknown or bad options.
        SystemExit: help was requested, and is printed.
    """
    given = vars(_parser(prog).parse_args(words))
    as_json = given.pop('json', False)
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    recipe = given.pop('recipe', TrainingSettings.recipe)
    try:
        return ParsedOptions(TrainingSettings.from_recipe(recipe, {**given, **lists}), as_json)
    except ValueError as error:
        raise ValueError(with_option_names(str(error), TrainingSettings)) from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that the caller decides how to show the error."""
        raise ValueError(f'{message}; see {self.prog} --help')


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog, description='Train a network until its schedule, the time or a signal ends it.',
        epilog=_EXAMPLES.format(prog=prog), argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )
    parser.add_argument('--json', action='store_true',
                        help='Print one JSON object and nothing else on stdout.')
    hints = get_type_hints(TrainingSettings)
    for field in dataclasses.fields(TrainingSettings):
        parser.add_argument(f'--{field.name.replace("_", "-")}',
                            **_argument_options(field, hints[field.name]))
    return parser


def _argument_options(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    default = ' '.join(map(str, field.default)) if isinstance(field.default, tuple) \
        else str(field.default)
    description = field.metadata['description'].replace('%', '%%')
    argument: dict[str, Any] = {'help': f'{description} Default: {default or "none"}.'}
    if hint is bool:
        return {**argument, 'action': argparse.BooleanOptionalAction}
    if elements := get_args(hint):
        return {**argument, 'type': elements[0], 'nargs': '*', 'metavar': '...'}
    choices = field.metadata['choices'] or None
    return {**argument, 'type': hint, 'choices': choices,
            'metavar': '|'.join(choices) if choices else field.name.split('_')[-1].upper()}
