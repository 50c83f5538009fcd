# SPDX-License-Identifier: Apache-2.0
"""Command lines before ROS starts: help, and errors in the arguments."""

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
_SOURCE_LOCATION = re.compile(r'(, at \S+:\d+)+$')  # in the source code of rcl
_ONE_TYPE = 'a list has values of one type, and a float needs a point: 1.0, not 1'
_EXPECTED = {
    'params file': 'a parameter file that can be read',
    'parameter override rule': '-p NAME:=VALUE with a VALUE of YAML',
    'remap rule': '-r FROM:=TO with names of ROS',
}


def print_help_if_asked(arguments: Sequence[str] | None, usage: str, about: str) -> bool:
    """Print help if the arguments ask for it; return whether they did.

    Args:
        arguments: Command line with the program name; None: that of this process.
        usage: Synopsis of the command line.
        about: Description of the program.
    """
    words = list(sys.argv if arguments is None else arguments)
    own = takewhile(lambda word: word != '--ros-args', words[1:])
    if not {'-h', '--help'} & set(own):
        return False
    print(f'usage: {usage} [--ros-args -p NAME:=VALUE --params-file FILE.yaml -r FROM:=TO ...]\n')
    print(f'{about.strip()}\n\nparameters:\n{_parameters()}')
    return True


def print_invalid_arguments(arguments: Sequence[str] | None, program: str) -> bool:
    """Print an error in one line if arguments are not for ROS or invalid; return whether any are.

    Args:
        arguments: Command line with the program name; None: that of this process.
        program: Name of the program.
    """
    try:
        others = own_arguments(sys.argv if arguments is None else arguments)
        if not others:
            return False
        problem = (f'expected --ros-args and what follows it, got {" ".join(others)}; '
                   f'put --ros-args before {others[0]}')
    except ValueError as error:
        problem = str(error)
    print(f'{program}: {problem}', file=sys.stderr)
    return True


def own_arguments(words: Sequence[str]) -> list[str]:
    """Arguments of a command line that are not for ROS, without the program name.

    Raises:
        ValueError: invalid ROS arguments.
    """
    try:
        return list(remove_ros_args(list(words))[1:])
    except RuntimeError as error:
        raise ValueError(explain_ros_arguments(error)) from error


def explain_ros_arguments(error: Exception) -> str:
    """Rewrite an error about ROS arguments as expected, got and remedy; others as they are."""
    text = ros_error_text(error)
    if found := _UNREADABLE.search(text):
        kind, got, why = found.groups()
        expected = _EXPECTED.get(kind, f'a {kind} that can be read')
        remedy = _ONE_TYPE if 'of same type' in why else 'correct it'
        return f'expected {expected}, got {got} ({why.strip()}); {remedy}'
    if text.startswith("['"):  # rcl only lists unknown arguments
        return f'expected arguments of ROS behind --ros-args, got {text[1:-1]}; correct them'
    return text


def ros_error_text(error: Exception) -> str:
    """Text of an error from ROS in one line, without source locations."""
    return _SOURCE_LOCATION.sub('', one_line(error))


def _parameters() -> str:
    return '\n'.join(
        fill(f'{field.name}: {field.metadata["description"]} Default: {_as_yaml(field.default)}.',
             _WIDTH, initial_indent='  ', subsequent_indent='      ')
        for field in dataclasses.fields(NodeSettings))


def _as_yaml(value: object) -> str:
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"
