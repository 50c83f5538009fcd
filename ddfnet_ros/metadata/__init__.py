# SPDX-License-Identifier: Apache-2.0
"""What cameras say of a frame: exposure time, gain, counter. Read from messages of any kind."""

from ddfnet_ros.metadata.joining import DEFAULT_TOPIC, MetadataJoiner
from ddfnet_ros.metadata.reading import FrameMetadata, MetadataReader
from ddfnet_ros.metadata.sources import SOURCES, MetadataSource, source_of

__all__ = ['DEFAULT_TOPIC', 'SOURCES', 'FrameMetadata', 'MetadataJoiner', 'MetadataReader',
           'MetadataSource', 'source_of']
