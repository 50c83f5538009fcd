# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile of the launched processes: plain functions, without ROS."""

import shutil
from collections.abc import Mapping
from pathlib import Path

SHARE = Path(__file__).parent.parent
SEGMENT_BYTES = 256 * 2**20  # shared memory of each process, as in config/fastdds_shm.xml


def environment(dds_profile: str) -> dict[str, str]:
    """Environment variables that make Fast DDS 2 and 3 use a profile.

    Raises:
        RuntimeError: no such profile.
    """
    if not dds_profile:
        return {}
    path = Path(dds_profile).expanduser()
    if dds_profile in ('shm', 'local'):
        path = SHARE / 'config' / f'fastdds_{dds_profile}.xml'
    if not path.is_file():
        raise RuntimeError(f'dds_profile: expected shm, local or an XML file, got {dds_profile!r}')
    return {name: str(path.resolve())
            for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')}


def warnings(dds_profile: str, processes: int, variables: Mapping[str, str],
             memory: Path = Path('/dev/shm')) -> list[str]:
    """Warn about problems that Fast DDS reports late or not at all.

    Args:
        dds_profile: Text of the launch argument.
        processes: Number of processes that will reserve shared memory.
        variables: Environment variables.
        memory: Folder of the shared memory.
    """
    if not dds_profile:
        return []
    found = []
    middleware = variables.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')
    if 'fastrtps' not in middleware:
        found.append(f'dds_profile {dds_profile}: expected Fast DDS, got {middleware}, which does '
                     'not read it; see doc/launch.md')
    free = shutil.disk_usage(memory).free if memory.is_dir() else 0
    needed = processes * SEGMENT_BYTES
    if dds_profile == 'shm' and free < needed:
        found.append(f'dds_profile shm: expected {needed / 2**20:.0f} MB or more in {memory}, got '
                     f'{free / 2**20:.0f} MB; Fast DDS will fall back to UDP and lose large '
                     'images (docker: --shm-size=2g)')
    return found
