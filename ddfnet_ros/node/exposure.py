# SPDX-License-Identifier: Apache-2.0
"""The exposure sources' messages as classes that a node can subscribe with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray

from ddfnet_ros import exposure
from ddfnet_ros.exposure import FrameMetadata, StampMatcher

__all__ = ['SOURCES', 'MetadataSource', 'StampMatcher']


class MetadataSource(NamedTuple):
    """One of `exposure.SOURCES`, with the class of its message."""

    msgtype: type[Any]
    read: Callable[[Any], FrameMetadata | None]


SOURCES = {'camera_ros': MetadataSource(DiagnosticArray, exposure.SOURCES['camera_ros'].read)}
