# SPDX-License-Identifier: Apache-2.0
"""Command lines before ROS starts: help, and what of them cannot be read."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from textwrap import fill

from rclpy.utilities import remove_ros_args

from ddfnet_ros.node.diagnostics import one_line
from ddfnet_ros.settings import NodeSettings

_WIDTH = 99
_UNREADABLE = re.compile(r"Couldn't parse ([^:']+): '(.*)'\. Error: (.*)")
_IN_SOURCE = re.compile(r'(, at \S+:\d+)+$')  # places in the source text of rcl
_ONE_TYPE = 'a list has values of one type, and a float needs a point: 1.0, not 1'
_EXPECTED = {
    'params file': 'a parameter file that can be read',
    'parameter override rule': '-p NAME:=VALUE with a VALUE of YAML',
    'remap rule': '-r FROM:=TO with names of ROS',
}


def print_help_if_asked(arguments: Sequence[str] | None, usage: str, about: str) -> bool:
    """Print help where it is asked for, and say whether it was.

    Args:
        arguments: Of the command line, with the program; None: those of this process.
        usage: The command line in short.
        about: What the program does.
    """
    words = list(sys.argv if arguments is None else arguments)
    own = takewhile(lambda word: word != '--ros-args', words[1:])
    if not {'-h', '--help'} & set(own):
        return False
    print(f'usage: {usage} [--ros-args -p NAME:=VALUE --params-file FILE.yaml -r FROM:=TO ...]\n')
    print(f'{about.strip()}\n\nparameters:\n{_parameters()}')
    return True


def print_what_is_not_for_ros(arguments: Sequence[str] | None, program: str) -> bool:
    """Print what of a command line ROS cannot take, in one line, and say whether there was any.

    Args:
        arguments: Of the command line, with the program; None: those of this process.
        program: Its name.
    """
    try:
        others = own_words(sys.argv if arguments is None else arguments)
        if not others:
            return False
        problem = (f'expected --ros-args and what follows it, got {" ".join(others)}; '
                   f'put --ros-args before {others[0]}')
    except ValueError as error:
        problem = str(error)
    print(f'{program}: {problem}', file=sys.stderr)
    return True


def own_words(words: Sequence[str]) -> list[str]:
    """Words of a command line that are not for ROS, without the program.

    Raises:
        ValueError: what is for ROS cannot be read; so ROS cannot start.
    """
    try:
        return list(remove_ros_args(list(words))[1:])
    except RuntimeError as error:
        raise ValueError(about_ros_arguments(error)) from error


def about_ros_arguments(error: Exception) -> str:
    """What ROS says about arguments, in one line: expected, got and remedy; others as they are."""
    text = said_by_ros(error)
    if found := _UNREADABLE.search(text):
        kind, got, why = found.groups()
        expected = _EXPECTED.get(kind, f'a {kind} that can be read')
        remedy = _ONE_TYPE if 'of same type' in why else 'correct it'
        return f'expected {expected}, got {got} ({why.strip()}); {remedy}'
    if text.startswith("['"):  # all that ROS says of words that it does not know
        return f'expected arguments of ROS behind --ros-args, got {text[1:-1]}; correct them'
    return text


def said_by_ros(error: Exception) -> str:
    """What ROS says, in one line, without the places in its source text."""
    return _IN_SOURCE.sub('', one_line(error))


def _parameters() -> str:
    return '\n'.join(
        fill(f'{field.name}: {field.metadata["description"]} Default: {_shown(field.default)}.',
             _WIDTH, initial_indent='  ', subsequent_indent='      ')
        for field in dataclasses.fields(NodeSettings))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"
