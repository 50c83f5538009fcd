# SPDX-License-Identifier: Apache-2.0
"""Encodings that only cv_bridge knows. Nothing is imported before such an image comes.

A cv_bridge that was built for another NumPy raises, or takes the process with it. So it has to
convert an image in a process of its own first. That takes seconds, and until it is done images are
refused: the thread that takes them does not wait.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from typing import Any

from sensor_msgs.msg import Image

from ddfnet_ros.bracket import Pixels

_PATIENCE = 30.0  # seconds that the trial may take
_MISSING = 'ModuleNotFoundError'
_TRIAL = """
from cv_bridge import CvBridge
from sensor_msgs.msg import Image
image = Image(height=1, width=1, step=3, encoding='bgr8', data=b'abc')
assert CvBridge().imgmsg_to_cv2(image, desired_encoding='rgb8').tolist() == [[[99, 98, 97]]]
"""


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
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run([sys.executable, '-c', _TRIAL], env=environment, check=False,
                              capture_output=True, text=True, errors='replace',
                              timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f'repair cv_bridge ({type(error).__name__} when it was tried)'
    if done.returncode == 0:
        return ''
    last = (done.stderr.strip().splitlines() or [f'ended with {done.returncode}'])[-1]
    if last.startswith(_MISSING) and "'cv_bridge'" in last:
        return 'install cv_bridge (apt install ros-$ROS_DISTRO-cv-bridge)'
    if done.returncode < 0:
        last = f'ended by signal {-done.returncode}'
    return f'repair cv_bridge, which this NumPy does not suit ({last})'


@lru_cache(maxsize=1)
def _converter() -> Callable[..., Any]:
    from cv_bridge import CvBridge  # noqa: PLC0415  (optional, and may be broken)

    convert: Callable[..., Any] = CvBridge().imgmsg_to_cv2
    return convert
