# SPDX-License-Identifier: Apache-2.0
"""Whether a package works, tried in a process of its own: a broken one may take that with it."""

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
_PATIENCE = 60.0  # seconds for one trial


def attempt(code: str) -> tuple[int, str]:
    """Run Python code that finds packages where this process does.

    Args:
        code: Such as `CV_BRIDGE`, which needs that package to work.

    Returns:
        Its exit status, 0 where it worked, and the last line that it said, or how it ended.
    """
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run([sys.executable, '-c', code], env=environment, check=False,
                              capture_output=True, text=True, errors='replace', timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return 1, f'no answer within {_PATIENCE:g} s'
    except OSError as error:  # no room for another process
        return 1, f'{type(error).__name__}: {error}'
    if done.returncode < 0:
        return done.returncode, f'ended by signal {-done.returncode}'
    said = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    silent = f'ended with status {done.returncode}' if done.returncode else ''
    return done.returncode, said[-1] if said else silent
