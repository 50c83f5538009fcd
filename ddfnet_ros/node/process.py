# SPDX-License-Identifier: Apache-2.0
"""How every process of ours begins and ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException


@contextmanager
def ros_process(arguments: Sequence[str] | None = None) -> Iterator[None]:
    """Initialise rclpy for the body of a `with`, and end quietly on SIGINT and SIGTERM.

    rclpy's handler ends the spinning. Python's would raise KeyboardInterrupt as well, wherever it
    strikes: `ros2 launch` sends a SIGINT after that of the terminal, in the middle of cleaning up.

    Args:
        arguments: Of the command line, with the program; None: those of this process.
    """
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    rclpy.init(args=None if arguments is None else list(arguments))
    try:
        with quiet_end():
            yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # also while the interpreter shuts down
        rclpy.try_shutdown()


@contextmanager
def quiet_end() -> Iterator[None]:
    """Leave the body of a `with` without a word when rclpy shuts down meanwhile."""
    try:
        yield
    except ExternalShutdownException:
        pass
    except RuntimeError:  # what was under way then failed: no news
        if rclpy.ok():
            raise
