# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs: parsed by tyro from dataclasses, settings among them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_type_hints, overload

import tyro

from ddfnet_ros.images import check_writable
from ddfnet_ros.settings import DeghosterSettings, Settings

_Options = TypeVar('_Options')
# What tyro draws around an error, in Unicode or not, and says before it.
_BOX = re.compile(r'[╭╮╰╯│─]|-{2,}(?!\w)|Value error\s|Error parsing Options:')


@overload
def parse(
    options: type[_Options], verb: str, words: Sequence[str], examples: str
) -> _Options: ...
@overload
def parse(options: UnionType, verb: str, words: Sequence[str], examples: str) -> Any: ...
def parse(options: Any, verb: str, words: Sequence[str], examples: str) -> Any:
    """Turn the words after a verb into its options.

    What tyro prints about bad options is a box of several lines; it becomes one.

    Args:
        options: Dataclass, or a union of them for a verb that has verbs of its own.
        verb: As the user typed it.
        words: What follows it.
        examples: Shown at the end of the help.

    Raises:
        ValueError: unknown, missing or bad options.
        SystemExit: help was asked for and given, with the examples at its end.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(options, prog=f'ddfnet {verb}', args=list(words))
    except SystemExit as stop:
        if stop.code:
            raise ValueError(_one_line(said.getvalue())) from None
        print(f'examples:\n{examples}')
        raise


def _one_line(said: str) -> str:
    words = ' '.join(_BOX.sub(' ', said).split())
    return re.sub(r'\.? For full helptext, (see|run:?) ', '; see ', words)


def as_options(settings: type[Settings], hidden: Collection[str] = ()) -> Any:
    """Type annotation for a field of a verb's Options that holds all these settings.

    Each field of the settings becomes an option `--name`, without a prefix.

    Args:
        settings: The class.
        hidden: Fields that have no meaning for the verb, and no option.
    """
    hints = get_type_hints(settings)
    suppress: Any = tyro.conf.Suppress
    fields = []
    for field in dataclasses.fields(settings):
        choices = field.metadata['choices']
        words = ('INT', *choices) if choices and field.metadata['bounds'] else choices
        if isinstance(field.default, tuple):
            words = (f'{get_args(hints[field.name])[0].__name__.upper()}...',)
        # Empty is no value to show: what it means, the description says.
        hint = None if field.default not in ((), '') else ''
        shown = tyro.conf.arg(help=field.metadata['description'], metavar='|'.join(words) or None,
                              help_behavior_hint=hint)
        default = dataclasses.field(default=field.default, metadata=field.metadata)
        kind = suppress[hints[field.name]] if field.name in hidden else hints[field.name]
        fields.append((field.name, Annotated[kind, shown], default))
    constructor = dataclasses.make_dataclass(
        settings.__name__, fields, bases=(settings,), frozen=True, kw_only=True)
    return tyro.conf.arg(name='', constructor=constructor)


FUSION = as_options(DeghosterSettings)


def optional(metavar: str) -> Any:
    """How an option or argument is shown whose absence its help explains.

    Args:
        metavar: Stands for the value.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint='')


def check_output(path: Path, suffix: str) -> None:
    """Make sure, before anything takes time, that a file can be written there.

    Raises:
        ValueError: a name that ends otherwise.
        OSError: no such folder, or no right to write to it.
    """
    if path.suffix.lower() != suffix:
        raise ValueError(f'expected an output that ends in {suffix}, got {path}; rename it')
    check_writable(path)
