# SPDX-License-Identifier: Apache-2.0
"""The configuration of Fast DDS by the environment: profiles, transports, shared memory.

By default its shared memory has room for 512 KB. Larger messages go through UDP in fragments;
best-effort subscribers lose some fragments, and with them the image.
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
_PROCESSES = 2  # that reserve shared memory: at least a publisher and a subscriber


def is_fast_dds(middleware: str) -> bool:
    """Whether an RMW_IMPLEMENTATION is Fast DDS; the default ('') is."""
    return not middleware or middleware.startswith('rmw_fastrtps')


def is_default(middleware: str, environment: Mapping[str, str]) -> bool:
    """Whether Fast DDS runs with its defaults or with UDP only: both lose large images."""
    return (is_fast_dds(middleware) and profile(environment) is None
            and transports(environment).partition('?')[0] in _LOSSY)


def transports(environment: Mapping[str, str]) -> str:
    """Return the transports that the environment names; '' if none."""
    return environment.get(TRANSPORTS_VARIABLE, '')


def named_profiles(environment: Mapping[str, str]) -> list[Path]:
    """Return the profile files that the environment names; they may not exist."""
    return [Path(path) for name in PROFILE_VARIABLES if (path := environment.get(name))]


def profile(environment: Mapping[str, str]) -> Path | None:
    """Return the file that profiles are read from: a named one, or one in the working folder."""
    paths = [*named_profiles(environment), *map(Path, _PROFILE_FILES)]
    return next((path for path in paths if path.is_file()), None)


def shipped_profile(name: str) -> Path | None:
    """Return the file of the package's profile `shm` or `local`; None if it is not found."""
    homes = [Path(__file__).parents[1], *(prefix / SHARE for prefix in install_prefixes())]
    paths = [home / 'config' / f'fastdds_{name}.xml' for home in homes]
    return next((path for path in paths if path.is_file()), None)


def wanted_bytes(environment: Mapping[str, str]) -> int:
    """Return the shared memory that two processes reserve by the profile [bytes]; 0 if none."""
    path = profile(environment)
    text = path.read_text(encoding='utf-8', errors='replace') if path else ''
    segments = map(int, re.findall(r'<segment_size>\s*(\d+)\s*</segment_size>', text))
    return _PROCESSES * max(segments, default=0)


def free_bytes() -> int:
    """Return the free shared memory [bytes]; 0 if there is no shared memory."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
