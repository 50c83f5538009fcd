# SPDX-License-Identifier: Apache-2.0
"""Deep HDR deghosting by motion-attention fusion (DDFNet), as a ROS 2 package."""

import os

__version__ = '0.1.0'

# Read when torch loads OpenMP, so it must be set before. Its threads otherwise spin while they
# wait for one another: beside other busy processes that costs 2.5 times the CPU time.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
