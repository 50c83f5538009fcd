# SPDX-License-Identifier: Apache-2.0
"""The launch file with a bag, from start to a clean end, where there is a ROS distribution.

    launch_test test/launch/street_launch.py

No test module: pytest passes it by, because wheels of launch_testing are not to be had.
"""

import sys
import time
import unittest
from importlib.resources import files
from pathlib import Path

import launch_testing.actions
import launch_testing.asserts
import rclpy
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from rclpy.node import Node
from sensor_msgs.msg import Image

LAUNCH_FILE = Path(__file__).resolve().parents[2] / 'launch' / 'fuse.launch.py'
PATIENCE = 60.0  # seconds


def generate_test_description():
    """Node and player, with the street that the package brings."""
    arguments = {
        'bag': str(files('ddfnet_ros.demo') / 'street' / 'street.mcap'), 'player': 'ddfnet',
        'rate': '0.1', 'loop': 'true', 'image_topics': '/camera/image_raw/compressed',
        'exposure_source': 'camera_ros', 'metadata_topic': '/camera/meta',
        'python': sys.executable,
    }
    return LaunchDescription([
        IncludeLaunchDescription(str(LAUNCH_FILE), launch_arguments=arguments.items()),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileRunning(unittest.TestCase):
    """What a subscriber sees."""

    def test_a_fused_image_arrives(self):
        """One image, under the header of a frame of the bag."""
        rclpy.init()
        node, received = Node('viewer'), []
        node.create_subscription(Image, '/fuse_node/image', received.append, 10)
        deadline = time.monotonic() + PATIENCE
        while not received and time.monotonic() < deadline:
            rclpy.spin_once(node, timeout_sec=0.1)
        node.destroy_node()
        rclpy.shutdown()
        assert received
        assert (received[0].width, received[0].encoding) == (640, 'bgr8')
        assert received[0].header.frame_id == 'camera_optical'


@launch_testing.post_shutdown_test()
class AfterwardsTest(unittest.TestCase):
    """How the processes ended."""

    def test_all_processes_end_cleanly(self, proc_info):
        """Exit status 0, after Ctrl-C too."""
        launch_testing.asserts.assertExitCodes(proc_info)
