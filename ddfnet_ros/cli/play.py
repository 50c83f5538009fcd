# SPDX-License-Identifier: Apache-2.0
"""`ddfnet play`: run the bag player of the node."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def run(words: Sequence[str]) -> NoReturn:
    """Replace this process by the player, which parses its own options."""
    if importlib.util.find_spec('rclpy') is None:
        raise ValueError('expected rclpy, got none; source a ROS 2 distribution, or install '
                         'ddfnet_ros[ros-jazzy]')
    os.execv(sys.executable, [sys.executable, '-m', 'ddfnet_ros.node.player', *words])
