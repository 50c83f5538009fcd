# SPDX-License-Identifier: Apache-2.0
"""Install prefixes of packages and their data, by the current environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SHARE = Path('share/ddfnet_ros')
"""Folder of the package's data in a prefix."""


def sourced_prefixes() -> list[Path]:
    """Return the prefixes of the sourced ROS workspaces."""
    return [Path(prefix) for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
            if prefix]


def install_prefixes() -> list[Path]:
    """Return the prefixes of the sourced ROS workspaces and, last, of this Python."""
    return [*sourced_prefixes(), Path(sys.prefix)]
