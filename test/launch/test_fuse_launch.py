# SPDX-License-Identifier: Apache-2.0
"""What of the launch file needs launch itself: skipped where there is no ROS distribution."""

import ast
import json
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


def texts_of(substitutions):
    """What nested substitutions say, as far as they are plain text."""
    if isinstance(substitutions, (list, tuple)):
        return [text for part in substitutions for text in texts_of(part)]
    return [substitutions.text] if hasattr(substitutions, 'text') else [str(substitutions)]


def test_rosbag2_plays_with_an_override_file_where_images_must_not_be_lost(
        launch_file, nodes, given, monkeypatch):
    monkeypatch.setattr(launch_file, 'is_installed', lambda package: True)
    texts = given(bag='x.mcap', bag_qos='reliable', image_topics='/a')
    (player,) = launch_file.players(texts, nodes.fusers(texts), {'additional_env': {}})
    words = texts_of(player.cmd)
    assert words[:4] == ['ros2', 'bag', 'play', 'x.mcap']
    assert json.loads(Path(words[-1]).read_text())['/a']['reliability'] == 'reliable'
    Path(words[-1]).unlink()


@pytest.mark.parametrize(('bag', 'rosbag2'), [('x.mcap', False), ('x.bag', True)])
def test_our_player_takes_over_where_rosbag2_is_not_or_cannot(
        bag, rosbag2, launch_file, nodes, given, monkeypatch):
    monkeypatch.setattr(launch_file, 'is_installed', lambda package: rosbag2)
    texts = given(bag=bag)
    common = {'package': 'ddfnet_ros', 'additional_env': {}}
    (player,) = launch_file.players(texts, nodes.fusers(texts), common)
    assert player.node_executable == 'player'


def test_our_player_takes_no_bag_qos_that_rosbag2_would_refuse(
        launch_file, nodes, given, monkeypatch):
    monkeypatch.setattr(launch_file, 'is_installed', lambda package: False)
    texts = given(bag='x.mcap', bag_qos='faithful')
    with pytest.raises(RuntimeError, match=r"^bag_qos: expected .* got 'faithful'"):
        launch_file.players(texts, nodes.fusers(texts), {'additional_env': {}})


def test_viewers_are_started_where_they_are_installed(
        launch_file, nodes, given, monkeypatch):
    monkeypatch.setattr(launch_file, 'is_installed', lambda package: True)
    texts = given(foxglove='true', rviz='true', cameras='front, left',
                  image_topics='/{camera}/image_raw')
    started = launch_file.viewers(texts, nodes.fusers(texts), {'additional_env': {}})
    assert [node.node_executable for node in started] == ['foxglove_bridge', 'rviz2']
