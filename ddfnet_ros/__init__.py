# SPDX-License-Identifier: Apache-2.0
"""Deep HDR deghosting by motion-attention fusion (DDFNet), as a ROS 2 package."""

__version__ = '0.1.0'
