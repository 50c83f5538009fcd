# SPDX-License-Identifier: Apache-2.0
"""Encodings that only cv_bridge knows. Nothing is imported before such an image comes.

A cv_bridge that was built for another NumPy raises, or takes the process with it. So it has to
convert an image in a process of its own first. That takes seconds, and until it is done images are
refused: the thread that takes them does not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from typing import Any

from sensor_msgs.msg import Image

from ddfnet_ros import trials
from ddfnet_ros.bracket import Pixels

_MISSING = 'ModuleNotFoundError'


def pixels_of(message: Image, problem: str) -> Pixels:
    """Have cv_bridge convert an image to RGB, at 8 bits.

    Args:
        message: An image of an encoding that we do not read ourselves.
        problem: What an error begins with.

    Raises:
        ValueError: cv_bridge is not there, is broken, is still being tried, or does not know the
            encoding either.
    """
    trial = verdict()
    if not trial.done():
        raise ValueError(f'{problem}, or wait for the trial of cv_bridge')
    if todo := trial.result():
        raise ValueError(f'{problem}, or {todo}')
    try:
        pixels: Pixels = _converter()(message, desired_encoding='rgb8')
    except Exception as error:  # CvBridgeError is a TypeError, and OpenCV has its own
        raise ValueError(f'{problem} (cv_bridge: {" ".join(str(error).split())})') from error
    return pixels


@lru_cache(maxsize=1)
def verdict() -> Future[str]:
    """What has to be done before cv_bridge can be used; '' for nothing. The first call asks."""
    found: Future[str] = Future()
    # A daemon: whoever stops the node need not wait for the trial either.
    Thread(target=lambda: found.set_result(_trial()), daemon=True).start()
    return found


def _trial() -> str:
    status, said = trials.attempt(trials.CV_BRIDGE)
    if not status:
        return ''
    if said.startswith(_MISSING) and "'cv_bridge'" in said:
        return 'install cv_bridge (apt install ros-$ROS_DISTRO-cv-bridge)'
    return f'repair cv_bridge, which this NumPy may not suit ({said})'


@lru_cache(maxsize=1)
def _converter() -> Callable[..., Any]:
    from cv_bridge import CvBridge  # noqa: PLC0415  (optional, and may be broken)

    convert: Callable[..., Any] = CvBridge().imgmsg_to_cv2
    return convert
