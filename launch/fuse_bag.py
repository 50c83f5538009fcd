# SPDX-License-Identifier: Apache-2.0
"""Chooses the player of a bag and its options: plain functions, without ROS."""

import json
from pathlib import Path

from fuse_arguments import Given, value


def uses_rosbag2(given: Given, installed: bool) -> bool:
    """Whether to play the bag with `ros2 bag play` instead of our own player.

    Args:
        given: Texts of the launch arguments, with a bag.
        installed: Whether rosbag2 is installed.

    Raises:
        RuntimeError: a bag of ROS 1, which rosbag2 cannot play.
    """
    player, is_ros1 = value(given, 'player'), given['bag'].endswith('.bag')
    if player == 'rosbag2' and is_ros1:
        raise RuntimeError(f'player: expected ddfnet or auto for a bag of ROS 1, got rosbag2 for '
                           f'{given["bag"]}')
    return player == 'rosbag2' or (player == 'auto' and installed and not is_ros1)


def qos_overrides(given: Given, topics: list[str]) -> tuple[str, str]:
    """QoS override file for `ros2 bag play`, and the text to write to a new one; '' for none.

    Args:
        given: Texts of the launch arguments.
        topics: Image topics.

    Raises:
        RuntimeError: an invalid bag_qos, or no image topics to make reliable.
    """
    chosen = given['bag_qos']
    if chosen in ('', 'recorded'):
        return '', ''
    if chosen != 'reliable':
        if not Path(chosen).expanduser().is_file():
            raise RuntimeError(
                f'bag_qos: expected recorded, reliable or a YAML file, got {chosen!r}')
        return str(Path(chosen).expanduser()), ''
    if not topics:
        raise RuntimeError('bag_qos reliable: expected the topics to make reliable, got none; set '
                           'image_topics')
    profile = {'reliability': 'reliable', 'history': 'keep_last', 'depth': 20}
    return '', json.dumps(dict.fromkeys(topics, profile))  # which is YAML, too


def play_options(given: Given, rosbag2: bool, overrides: str) -> list[str]:
    """Arguments for `ros2 bag play`, or for our player.

    Args:
        given: Texts of the launch arguments, with a bag.
        rosbag2: Whether they are for `ros2 bag play`.
        overrides: QoS override file; '' for none.
    """
    rate, loop = value(given, 'rate'), value(given, 'loop')
    options = [str(Path(given['bag']).expanduser()), '--clock', '--rate', f'{rate:g}']
    if rosbag2:
        # With --loop it would wait before each round; messages lost in the first come again.
        delay = 0.0 if loop else value(given, 'delay')
        return (options + (['--loop'] if loop else [])
                + (['--delay', f'{delay:g}'] if delay else [])  # 0 is refused
                + (['--qos-profile-overrides-path', overrides] if overrides else []))
    return options + ['--loop', '0' if loop else '1']
