# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # pool_work

import pool_work

from ddfnet_ros.bags.processes import Processes


def test_processes_that_die_are_replaced(tmp_path):
    with Processes(2, pool_work.work) as pool:
        pool_work.check_pool(pool, tmp_path)
