# SPDX-License-Identifier: Apache-2.0
"""Parse the words of a command line into dataclasses, by tyro."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, TypeVar, overload

import tyro

from ddfnet_ros.command_line.complaints import one_line
from ddfnet_ros.command_line.naming import with_option_names
from ddfnet_ros.settings import NodeSettings

_Options = TypeVar('_Options')
_WIDE = '9999'  # columns: wide enough that no line is broken


@overload
def parse(
    options: type[_Options], command: str, words: Sequence[str], examples: str = ''
) -> _Options: ...
@overload
def parse(options: UnionType, command: str, words: Sequence[str], examples: str = '') -> Any: ...
def parse(options: Any, command: str, words: Sequence[str], examples: str = '') -> Any:
    """Parse the words after a command into its options.

    tyro prints errors as a box of several lines; this raises them as one line.

    Args:
        options: Dataclass of the options, or a union of dataclasses for a verb with sub-verbs.
        command: Command as the user typed it, such as 'ddfnet fuse'.
        words: Words after the command.
        examples: Text that is shown at the end of the help.

    Raises:
        ValueError: unknown, missing or bad options.
        SystemExit: help was requested and printed.
    """
    printed = io.StringIO()
    wants_help = {'-h', '--help'} & set(words)
    try:
        terminal = contextlib.nullcontext() if wants_help else _wide_terminal()
        with contextlib.redirect_stderr(printed), terminal:
            return tyro.cli(options, prog=command, args=list(words))
    except SystemExit as stop:
        if stop.code:
            line = one_line(printed.getvalue())
            raise ValueError(with_option_names(line, NodeSettings)) from None
        if examples:
            print(f'examples:\n{examples}')
        raise
    except ValueError as error:  # raised by settings inside the options
        text = with_option_names(str(error), NodeSettings)
        raise ValueError(text if '; ' in text else f'{text}; see {command} --help') from None


@contextlib.contextmanager
def _wide_terminal() -> Iterator[None]:
    before = os.environ.get('COLUMNS')
    os.environ['COLUMNS'] = _WIDE
    try:
        yield
    finally:
        if before is None:
            del os.environ['COLUMNS']
        else:
            os.environ['COLUMNS'] = before
