# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS reads from the environment: profiles, transports, room in shared memory.

As it comes, it has shared memory for 512 KB; larger messages go through UDP in fragments, of which
best-effort subscribers lose some, and with them the image.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ddfnet_ros.prefixes import SHARE, install_prefixes

DEFAULT_SEGMENT = 512 * 1024
SHARED_MEMORY = Path('/dev/shm')
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'
_PROFILE_FILES = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')
_LOSSY = ('', 'DEFAULT', 'DEFAULTv6', 'UDPv4', 'UDPv6')
_PROCESSES = 2  # that reserve shared memory: at least who publishes and who subscribes


def speaks(middleware: str) -> bool:
    """Whether a middleware of ROS is Fast DDS; it is where none is named."""
    return not middleware or middleware.startswith('rmw_fastrtps')


def is_default(middleware: str, environment: Mapping[str, str]) -> bool:
    """Whether Fast DDS is in use as it comes, or by UDP alone: both lose large images."""
    return (speaks(middleware) and profile(environment) is None
            and transports(environment).partition('?')[0] in _LOSSY)


def transports(environment: Mapping[str, str]) -> str:
    """Transports that are named for want of a profile; '' where none are."""
    return environment.get(TRANSPORTS_VARIABLE, '')


def named_profiles(environment: Mapping[str, str]) -> list[Path]:
    """Files that the environment names, be they there or not."""
    return [Path(path) for name in PROFILE_VARIABLES if (path := environment.get(name))]


def profile(environment: Mapping[str, str]) -> Path | None:
    """The file that profiles are read from: one that is named, or lies in the working folder."""
    paths = [*named_profiles(environment), *map(Path, _PROFILE_FILES)]
    return next((path for path in paths if path.is_file()), None)


def shipped_profile(name: str) -> Path | None:
    """The package's profile `shm` or `local`, in the checkout or where it is installed."""
    homes = [Path(__file__).parents[1], *(prefix / SHARE for prefix in install_prefixes())]
    paths = [home / 'config' / f'fastdds_{name}.xml' for home in homes]
    return next((path for path in paths if path.is_file()), None)


def wanted_bytes(environment: Mapping[str, str]) -> int:
    """What two processes reserve in shared memory, as far as a profile says so."""
    path = profile(environment)
    text = path.read_text(encoding='utf-8', errors='replace') if path else ''
    segments = map(int, re.findall(r'<segment_size>\s*(\d+)\s*</segment_size>', text))
    return _PROCESSES * max(segments, default=0)


def free_bytes() -> int:
    """Room in shared memory; none where it is missing."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
