# SPDX-License-Identifier: Apache-2.0
"""Where a ROS distribution is sourced, pytest finds plugins that are not made for ours."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tests_start_beside_the_plugin_of_launch_testing_ros(tmp_path):
    # As in Humble, Jazzy and rolling: a hook that only the plugin of launch_testing declares.
    (tmp_path / 'of_launch_testing_ros.py').write_text(
        'def pytest_launch_collect_makemodule(path, parent, entrypoint): pass\n')
    about = tmp_path / 'launch_testing_ros-0.26.dist-info'
    about.mkdir()
    (about / 'METADATA').write_text('Name: launch-testing-ros\nVersion: 0.26\n')
    (about / 'entry_points.txt').write_text('[pytest11]\nlaunch_ros = of_launch_testing_ros\n')
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '--collect-only', 'test/packaging/test_plugins.py'],
        cwd=ROOT, env=os.environ | {'PYTHONPATH': str(tmp_path)}, text=True,
        capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
