# SPDX-License-Identifier: Apache-2.0
"""Start and end of every ROS process of the package."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import rclpy
from rclpy.executors import ExternalShutdownException

from ddfnet_ros.node.usage import ros_error_text

_GRACE = 8.0  # seconds from a signal to the end; systemd and ros2 launch kill after 10 and 15


@contextmanager
def ros_process(arguments: Sequence[str] | None = None) -> Iterator[None]:
    """Initialise rclpy for the body of a `with`, and end quietly on SIGINT and SIGTERM.

    rclpy's signal handler ends the spinning. Python's own would also raise KeyboardInterrupt, even
    during cleanup: `ros2 launch` sends another SIGINT after that of the terminal. What is still
    being loaded, compiled or fused seconds after a signal is not waited for.

    Args:
        arguments: Command line with the program name; None: that of this process.

    Raises:
        SystemExit: ROS cannot start; the reason has been printed.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a line per bad image
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave_in_time)
    try:
        rclpy.init(args=None if arguments is None else list(arguments))
    except RuntimeError as error:  # such as a log folder that cannot be made
        print(f'expected ROS to start, got: {ros_error_text(error)}; for logs, set ROS_LOG_DIR',
              file=sys.stderr)
        sys.exit(2)
    try:
        with ignore_shutdown():
            yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the interpreter has shut down
        rclpy.try_shutdown()


def _leave_in_time(_signal: int, _frame: object) -> None:
    """End the process after the grace period, whatever it is doing."""
    def leave() -> None:
        print(f'not done {_GRACE:g} s after the signal: ended without waiting', file=sys.stderr)
        sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(_GRACE, leave)
    timer.daemon = True
    timer.start()


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
