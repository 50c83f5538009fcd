# SPDX-License-Identifier: Apache-2.0
"""Where packages and their data are installed, as the environment has it now."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SHARE = Path('share/ddfnet_ros')
"""The folder in a prefix that the package's data are in."""


def sourced() -> list[Path]:
    """Prefixes of the ROS workspaces that are sourced."""
    return [Path(prefix) for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
            if prefix]


def install_prefixes() -> list[Path]:
    """These, and last that of this Python."""
    return [*sourced(), Path(sys.prefix)]
