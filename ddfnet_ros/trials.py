# SPDX-License-Identifier: Apache-2.0
"""Try whether a package works, in a separate process, which a broken package may crash."""

from __future__ import annotations

import os
import subprocess
import sys

CV_BRIDGE = """
from cv_bridge import CvBridge
from sensor_msgs.msg import Image
image = Image(height=1, width=1, step=3, encoding='bgr8', data=b'abc')
assert CvBridge().imgmsg_to_cv2(image, desired_encoding='rgb8').tolist() == [[[99, 98, 97]]]
"""
_TIMEOUT = 60.0  # seconds for one trial


def attempt(code: str) -> tuple[int, str]:
    """Run Python code in a new process with this process's package paths.

    Args:
        code: Python code to run, such as `CV_BRIDGE`.

    Returns:
        Its exit status, 0 for success, and its last line of output, or how it ended.
    """
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run([sys.executable, '-c', code], env=environment, check=False,
                              capture_output=True, text=True, errors='replace', timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return 1, f'no answer within {_TIMEOUT:g} s'
    except OSError as error:  # no room for another process
        return 1, f'{type(error).__name__}: {error}'
    if done.returncode < 0:
        return done.returncode, f'ended by signal {-done.returncode}'
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    silent = f'ended with status {done.returncode}' if done.returncode else ''
    return done.returncode, lines[-1] if lines else silent
