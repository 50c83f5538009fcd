# SPDX-License-Identifier: Apache-2.0
"""What of the launch file needs launch itself: skipped where there is no ROS distribution."""

import ast
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'


def test_the_launch_file_compiles_and_imports_nothing_of_the_package():
    tree = ast.parse((LAUNCH / 'fuse.launch.py').read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(name.startswith('ddfnet_ros') for name in imported)


def test_every_argument_is_declared(launch_file, arguments):
    from launch.actions import DeclareLaunchArgument  # noqa: PLC0415  (where there is launch)

    declared = {action.name: action.description
                for action in launch_file.generate_launch_description().entities
                if isinstance(action, DeclareLaunchArgument)}
    assert declared == {name: argument.description
                        for name, argument in arguments.ARGUMENTS.items()}


def test_viewers_that_are_not_installed_are_one_line(launch_file, given, monkeypatch):
    monkeypatch.setattr(launch_file, 'is_installed', lambda package: False)
    for name in ('foxglove', 'rviz'):
        with pytest.raises(RuntimeError, match=f'^{name}: expected the package .*; apt install'):
            launch_file.viewers(given(**{name: 'true'}), [], {'additional_env': {}})


def test_without_a_bag_nothing_is_played(launch_file, given):
    assert launch_file.players(given(), [], {}) == []
