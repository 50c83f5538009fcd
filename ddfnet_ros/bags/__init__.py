# SPDX-License-Identifier: Apache-2.0
"""Read and write bags without a ROS install: rosbag2 (mcap, sqlite3) and ROS 1, by rosbags."""

from ddfnet_ros.bags.reading import IMAGE_TYPES, BagError, BagReader, Message
from ddfnet_ros.bags.types import TYPES, Topic
from ddfnet_ros.bags.writing import BagWriter

__all__ = ['IMAGE_TYPES', 'TYPES', 'BagError', 'BagReader', 'BagWriter', 'Message', 'Topic']
