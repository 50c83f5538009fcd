# SPDX-License-Identifier: Apache-2.0
"""Read ROS parameter files without ROS, so that node and command line can share one file."""

from __future__ import annotations

import dataclasses
import reprlib
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml

from ddfnet_ros.settings import NodeSettings

_ROS_ONLY = ('use_sim_time', 'qos_overrides')  # parameters of every node, not settings of ours
_KINDS: dict[str, type | tuple[type, ...]] = {
    'float': (int, float), 'int': int, 'int | str': (int, str), 'str': str, 'bool': bool}
_MAX_LENGTH = 300  # characters of a YAML error to show


def read(path: Path) -> dict[str, Any]:
    """Return the settings in a file by name, for whatever node name the file has them.

    Raises:
        ValueError: not a parameter file, an unknown parameter, or a value of the wrong type.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
        blocks = [_require_mapping(node, 'a node')['ros__parameters']
                  for node in _require_mapping(content, 'the file').values()]
        found = {str(name): value for block in blocks
                 for name, value in _require_mapping(block, 'ros__parameters').items()}
    except (yaml.YAMLError, KeyError, ValueError, RecursionError) as error:
        problem = f'a node without {error}' if isinstance(error, KeyError) else str(error)
        raise ValueError(f'{path}: expected a ROS parameter file (config/fuse.yaml is one), got '
                         f'{shorten(problem, _MAX_LENGTH)}; correct it') from error
    kinds = {field.name: str(field.type) for field in dataclasses.fields(NodeSettings)}
    ours = {name: value for name, value in found.items() if not name.startswith(_ROS_ONLY)}
    if unknown := sorted(ours.keys() - kinds):
        raise ValueError(f'{path}: expected parameters of fuse_node, got '
                         f'{shorten(unknown[0], _MAX_LENGTH)}; see README.md')
    for name, value in ours.items():
        if not _has_type(kinds[name], value):
            raise ValueError(f'{path}: expected {name} to be {kinds[name]}, got '
                             f'{reprlib.repr(value)}; correct it')
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in ours.items()}


def _require_mapping(value: Any, what: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'{reprlib.repr(value)} where {what} has names and values')
    return value


def _has_type(kind: str, value: Any) -> bool:
    """Whether a YAML value has the type that a field is annotated with."""
    elements = value if kind.startswith('tuple') and isinstance(value, list) else [value]
    element = kind.removeprefix('tuple[').removesuffix(', ...]')
    return isinstance(value, list) == kind.startswith('tuple') and all(
        isinstance(e, _KINDS[element]) and isinstance(e, bool) == (element == 'bool')
        for e in elements)
