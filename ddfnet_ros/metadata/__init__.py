# SPDX-License-Identifier: Apache-2.0
"""Read what cameras tell about a frame in messages: exposure, gain, counter, CameraInfo."""

from ddfnet_ros.metadata.joining import DEFAULT_TOPIC, MetadataJoiner
from ddfnet_ros.metadata.reading import FrameMetadata, MetadataReader
from ddfnet_ros.metadata.sources import SOURCES, MetadataSource, source_of

__all__ = ['DEFAULT_TOPIC', 'SOURCES', 'FrameMetadata', 'MetadataJoiner', 'MetadataReader',
           'MetadataSource', 'source_of']
