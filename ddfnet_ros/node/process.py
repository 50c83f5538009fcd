# SPDX-License-Identifier: Apache-2.0
"""Start and end of every ROS process of the package."""

from __future__ import annotations

import os
import signal
import socket
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
        signal.signal(number, lambda _signal, _frame: None)
    try:
        rclpy.init(args=None if arguments is None else list(arguments))
    except RuntimeError as error:  # such as a log folder that cannot be made
        print(f'expected ROS to start, got: {ros_error_text(error)}; for logs, set ROS_LOG_DIR',
              file=sys.stderr)
        sys.exit(2)
    try:
        with _ended_in_time(), ignore_shutdown():
            yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the interpreter has shut down
        rclpy.try_shutdown()


@contextmanager
def _ended_in_time() -> Iterator[None]:
    """End the process some seconds after a signal, if the body of the `with` still runs.

    A thread waits for the signal: Python's handlers wait for the call that the main thread is in.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    ended = threading.Event()

    def watch() -> None:
        if reader.recv(1) and not ended.wait(_GRACE):
            print(f'not done {_GRACE:g} s after the signal: ended without waiting',
                  file=sys.stderr, flush=True)
            os._exit(0)

    watcher = threading.Thread(target=watch, name='signals', daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        writer.close()
        watcher.join()
        reader.close()


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
