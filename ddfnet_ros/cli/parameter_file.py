# SPDX-License-Identifier: Apache-2.0
"""ROS parameter files, read without ROS: the same file for the node and for the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from ddfnet_ros.settings import NodeSettings

_ROS_ONLY = ('use_sim_time', 'qos_overrides')  # what every node has, and no setting of ours


def read(path: Path) -> dict[str, Any]:
    """Settings by name, whatever node the file names them for.

    Raises:
        ValueError: not a parameter file, or a parameter that the node does not have.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
        blocks = [node['ros__parameters'] for node in content.values()]
        found = {name: value for block in blocks for name, value in block.items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        problem = ' '.join(str(error).split())
        raise ValueError(f'{path}: expected a ROS parameter file (config/fuse.yaml is one), got: '
                         f'{problem}; correct it') from error
    known = {field.name for field in dataclasses.fields(NodeSettings)}
    settings = {name: tuple(value) if isinstance(value, list) else value
                for name, value in found.items() if not name.startswith(_ROS_ONLY)}
    if unknown := sorted(settings.keys() - known):
        raise ValueError(f'{path}: expected parameters of fuse_node, got {unknown[0]}; see '
                         'README.md')
    return settings
