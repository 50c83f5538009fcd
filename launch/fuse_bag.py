# SPDX-License-Identifier: Apache-2.0
"""Which player fuse.launch.py plays a bag with, and how: plain functions, without ROS."""

import json
from pathlib import Path

from fuse_arguments import Given, value


def by_rosbag2(given: Given, installed: bool) -> bool:
    """Whether `ros2 bag play` plays the bag, and not our own player.

    Args:
        given: The arguments; `bag` among them.
        installed: Whether rosbag2 is.

    Raises:
        RuntimeError: a bag of ROS 1, which rosbag2 cannot play.
    """
    player, is_ros1 = value(given, 'player'), given['bag'].endswith('.bag')
    if player == 'rosbag2' and is_ros1:
        raise RuntimeError(f'player: expected ddfnet or auto for a bag of ROS 1, got rosbag2 for '
                           f'{given["bag"]}')
    return player == 'rosbag2' or (player == 'auto' and installed and not is_ros1)


def qos_overrides(given: Given, topics: list[str]) -> tuple[str, str]:
    """The override file of `ros2 bag play`, or what is to be written into one; '' for neither.

    Raises:
        RuntimeError: neither a file nor one of the words; or no image topics to make reliable.
    """
    wish = given['bag_qos']
    if wish in ('', 'recorded'):
        return '', ''
    if wish != 'reliable':
        if not Path(wish).expanduser().is_file():
            raise RuntimeError(
                f'bag_qos: expected recorded, reliable or a YAML file, got {wish!r}')
        return str(Path(wish).expanduser()), ''
    if not topics:
        raise RuntimeError('bag_qos reliable: expected the topics to make reliable, got none; set '
                           'image_topics')
    profile = {'reliability': 'reliable', 'history': 'keep_last', 'depth': 20}
    return '', json.dumps(dict.fromkeys(topics, profile))  # which is YAML, too


def play_options(given: Given, rosbag2: bool, overrides: str) -> list[str]:
    """What follows `ros2 bag play`, or our player's name.

    Args:
        given: The arguments; `bag` among them.
        rosbag2: Which of the two.
        overrides: The file that `qos_overrides` made, or '' for none.
    """
    rate, loop = value(given, 'rate'), value(given, 'loop')
    options = [given['bag'], '--clock', '--rate', f'{rate:g}']
    if rosbag2:
        # With --loop, it would wait before each round; what the first one misses comes again.
        delay = 0.0 if loop else value(given, 'delay')
        return (options + (['--loop'] if loop else [])
                + (['--delay', f'{delay:g}'] if delay else [])  # which refuses 0
                + (['--qos-profile-overrides-path', overrides] if overrides else []))
    return options + ['--loop', '0' if loop else '1']
