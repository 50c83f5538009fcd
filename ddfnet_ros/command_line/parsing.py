# SPDX-License-Identifier: Apache-2.0
"""Options from the words of a command line: parsed by tyro into dataclasses."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, TypeVar, overload

import tyro

from ddfnet_ros.command_line.complaints import one_line
from ddfnet_ros.command_line.naming import by_options
from ddfnet_ros.settings import NodeSettings

_Options = TypeVar('_Options')
_WIDE = '9999'  # columns: no word of a user's is broken


@overload
def parse(
    options: type[_Options], command: str, words: Sequence[str], examples: str = ''
) -> _Options: ...
@overload
def parse(options: UnionType, command: str, words: Sequence[str], examples: str = '') -> Any: ...
def parse(options: Any, command: str, words: Sequence[str], examples: str = '') -> Any:
    """Turn the words after a command into its options.

    What tyro prints about bad options is a box of several lines; it becomes one.

    Args:
        options: Dataclass, or a union of them for a verb that has verbs of its own.
        command: As the user typed it, such as 'ddfnet fuse'.
        words: What follows it.
        examples: Shown at the end of the help.

    Raises:
        ValueError: unknown, missing or bad options.
        SystemExit: help was asked for and given, with the examples at its end.
    """
    said = io.StringIO()
    broken = {'-h', '--help'} & set(words)
    try:
        with contextlib.redirect_stderr(said), contextlib.nullcontext() if broken else _wide():
            return tyro.cli(options, prog=command, args=list(words))
    except SystemExit as stop:
        if stop.code:
            raise ValueError(by_options(one_line(said.getvalue()), NodeSettings)) from None
        if examples:
            print(f'examples:\n{examples}')
        raise
    except ValueError as error:  # of settings inside the options
        text = by_options(str(error), NodeSettings)
        raise ValueError(text if '; ' in text else f'{text}; see {command} --help') from None


@contextlib.contextmanager
def _wide() -> Iterator[None]:
    before = os.environ.get('COLUMNS')
    os.environ['COLUMNS'] = _WIDE
    try:
        yield
    finally:
        if before is None:
            del os.environ['COLUMNS']
        else:
            os.environ['COLUMNS'] = before
