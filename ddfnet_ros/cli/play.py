# SPDX-License-Identifier: Apache-2.0
"""`ddfnet play`: the bag player of the node, as a process of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def run(words: Sequence[str]) -> NoReturn:
    """Become the player; it parses its own options."""
    if importlib.util.find_spec('rclpy') is None:
        raise ValueError('expected rclpy, got none; source a ROS 2 distribution, or install '
                         'ddfnet_ros[ros-jazzy]')
    os.execv(sys.executable, [sys.executable, '-m', 'ddfnet_ros.node.player', *words])
