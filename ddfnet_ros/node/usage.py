# SPDX-License-Identifier: Apache-2.0
"""`fuse_node --help`: usage and parameters, said before ROS starts."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from itertools import takewhile
from textwrap import fill

from ddfnet_ros.settings import NodeSettings

_WIDTH = 99


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


def _parameters() -> str:
    return '\n'.join(
        fill(f'{field.name}: {field.metadata["description"]} Default: {_shown(field.default)}.',
             _WIDTH, initial_indent='  ', subsequent_indent='      ')
        for field in dataclasses.fields(NodeSettings))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"
