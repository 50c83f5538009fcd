# SPDX-License-Identifier: Apache-2.0
"""The nodes as commands: `fuse_node` and `fuse_cameras`, as pip installs them.

Importing a node takes seconds. A Ctrl-C meanwhile ends the process at once, without a traceback;
the node, once it runs, handles signals itself.
"""

from __future__ import annotations

import importlib
import signal


def fuse_node() -> int:
    """Run one camera's node; returns the exit status."""
    return _run('fuse_node')


def fuse_cameras() -> int:
    """Run several cameras' nodes in one process; returns the exit status."""
    return _run('fuse_cameras')


def _run(name: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    status: int = importlib.import_module(f'ddfnet_ros.node.{name}').main()
    return status
