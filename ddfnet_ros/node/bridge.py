# SPDX-License-Identifier: Apache-2.0
"""Decodes encodings that only cv_bridge knows. It is imported when the first such image comes.

A cv_bridge that was built for another NumPy raises, or crashes the process. So it first has to
convert an image in a child process: its trial. That takes seconds; until then images are refused,
so that the thread that receives them need not wait.
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
    """Convert an image to 8-bit RGB with cv_bridge.

    Args:
        message: Image in an encoding that we do not decode ourselves.
        problem: Text that an error message begins with.

    Raises:
        ValueError: cv_bridge is not installed, is broken, is still on trial, or does not know
            the encoding either.
    """
    trial = trial_result()
    if not trial.done():
        raise ValueError(f'{problem}, or wait for the trial of cv_bridge')
    if todo := trial.result():
        raise ValueError(f'{problem}, or {todo}')
    try:
        pixels: Pixels = _load_converter()(message, desired_encoding='rgb8')
    except Exception as error:  # CvBridgeError is a TypeError, and OpenCV has its own
        raise ValueError(f'{problem} (cv_bridge: {" ".join(str(error).split())})') from error
    return pixels


@lru_cache(maxsize=1)
def trial_result() -> Future[str]:
    """What to do before cv_bridge can be used, '' for nothing; the first call starts the trial."""
    found: Future[str] = Future()
    # A daemon thread: stopping the node does not wait for the trial.
    Thread(target=lambda: found.set_result(_run_trial()), daemon=True).start()
    return found


def _run_trial() -> str:
    status, output = trials.attempt(trials.CV_BRIDGE)
    if not status:
        return ''
    if output.startswith(_MISSING) and "'cv_bridge'" in output:
        return 'install cv_bridge (apt install ros-$ROS_DISTRO-cv-bridge)'
    return f'repair cv_bridge, which this NumPy may not suit ({output})'


@lru_cache(maxsize=1)
def _load_converter() -> Callable[..., Any]:
    from cv_bridge import CvBridge  # noqa: PLC0415  (optional, and may be broken)

    convert: Callable[..., Any] = CvBridge().imgmsg_to_cv2
    return convert
