# SPDX-License-Identifier: Apache-2.0
"""`python -m ddfnet_ros.demo`: the demo."""

import sys

from ddfnet_ros.demo.run import main

if __name__ == '__main__':
    sys.exit(main())
