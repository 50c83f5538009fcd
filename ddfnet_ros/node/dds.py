# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS will do with large images, said before it is seen.

As it comes, it has shared memory for 512 KB; larger messages go through UDP in fragments, of which
best-effort subscribers lose some, and with them the image.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier

_DEFAULT_SEGMENT = 512 * 1024
_SHARED_MEMORY = Path('/dev/shm')
_PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_PROFILE_FILES = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')
_TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'
_REMEDY = ('start all that exchange them with dds_profile:=shm, or with '
           'FASTRTPS_DEFAULT_PROFILES_FILE and FASTDDS_DEFAULT_PROFILES_FILE')


def shared_memory_warning(environment: Mapping[str, str] = os.environ) -> str:
    """Say so if the DDS profile in use wants more shared memory than there is; else nothing."""
    wanted = 2 * _segment_bytes(environment)  # ours, and at least one of somebody else
    free = shutil.disk_usage(_SHARED_MEMORY).free if _SHARED_MEMORY.is_dir() else 0
    if free >= wanted:
        return ''
    return (f'expected {wanted / 2**20:.0f} MB or more in {_SHARED_MEMORY} for the DDS profile, '
            f'got {free / 2**20:.0f} MB; large images will be lost (docker: --shm-size=2g)')


def large_image_warning(
    node: Node, input_bytes: Mapping[str, int], output_bytes: Mapping[str, int]
) -> str:
    """Say so if large images meet the default profile on the way of best effort; else nothing.

    Args:
        node: Whose subscriptions and subscribers are looked at.
        input_bytes: Size of one message, by the topic that it comes on, in full.
        output_bytes: Size of one message, by the topic that it is published on, in full.
    """
    if not is_default(get_rmw_implementation_identifier(), os.environ):
        return ''
    ours = node.get_name(), node.get_namespace()
    for topic in _large(input_bytes):
        for info in node.get_subscriptions_info_by_topic(topic):
            if ((info.node_name, info.node_namespace) == ours
                    and info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT):
                return _warning(topic, 'come', input_bytes[topic])
    for topic in _large(output_bytes):
        for subscriber in node.get_subscriptions_info_by_topic(topic):
            if subscriber.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
                return _warning(topic, f'go to {subscriber.node_name}', output_bytes[topic])
    return ''


def is_default(middleware: str, environment: Mapping[str, str]) -> bool:
    """Whether Fast DDS is in use as it comes."""
    return (middleware.startswith('rmw_fastrtps') and not _profile(environment)
            and environment.get(_TRANSPORTS_VARIABLE, 'DEFAULT') in ('DEFAULT', 'UDPv4', 'UDPv6'))


def _profile(environment: Mapping[str, str]) -> Path | None:
    """The file that Fast DDS reads its profiles from."""
    named = [environment[variable] for variable in _PROFILE_VARIABLES if environment.get(variable)]
    present = [path for path in map(Path, [*named, *_PROFILE_FILES]) if path.is_file()]
    return present[0] if present else None


def _segment_bytes(environment: Mapping[str, str]) -> int:
    """What a participant reserves in shared memory, as far as a profile says so."""
    profile = _profile(environment)
    text = profile.read_text(encoding='utf-8', errors='replace') if profile else ''
    return max(map(int, re.findall(r'<segment_size>\s*(\d+)\s*</segment_size>', text)), default=0)


def _large(sizes: Mapping[str, int]) -> list[str]:
    """The topics whose messages go through UDP."""
    return [topic for topic, size in sizes.items() if size > _DEFAULT_SEGMENT]


def _warning(topic: str, how: str, size: int) -> str:
    return (f'{topic}: images of {size / 1e6:.1f} MB {how} best effort through Fast DDS as it '
            f'comes, which loses them; {_REMEDY}')
