# SPDX-License-Identifier: Apache-2.0
"""Start and end of every ROS process of the package."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException


@contextmanager
def ros_process(arguments: Sequence[str] | None = None) -> Iterator[None]:
    """Initialise rclpy for the body of a `with`, and end quietly on SIGINT and SIGTERM.

    rclpy's signal handler ends the spinning. Python's own would also raise KeyboardInterrupt, even
    during cleanup: `ros2 launch` sends another SIGINT after that of the terminal.

    Args:
        arguments: Command line with the program name; None: that of this process.
    """
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    rclpy.init(args=None if arguments is None else list(arguments))
    try:
        with ignore_shutdown():
            yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the interpreter has shut down
        rclpy.try_shutdown()


@contextmanager
def ignore_shutdown() -> Iterator[None]:
    """Ignore errors in the body of a `with` that come from a shutdown of rclpy."""
    try:
        yield
    except ExternalShutdownException:
        pass
    except RuntimeError:  # calls in progress fail when rclpy shuts down
        if rclpy.ok():
            raise
