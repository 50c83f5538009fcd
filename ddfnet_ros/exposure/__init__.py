# SPDX-License-Identifier: Apache-2.0
"""Where a frame's exposure time comes from, where its image does not tell: no ROS."""

from ddfnet_ros.exposure.matching import StampMatcher
from ddfnet_ros.exposure.metadata import FrameMetadata
from ddfnet_ros.exposure.sources import SOURCES, Source

__all__ = ['SOURCES', 'FrameMetadata', 'Source', 'StampMatcher']
