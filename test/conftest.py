# SPDX-License-Identifier: Apache-2.0
"""What all tests share: checked shapes, ROS kept to this host, failures that come back.

Everything here is done on import, before any test module imports the package, rclpy or torch.
"""

import atexit
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import jaxtyping

# Where tensors go through, every function is called with its types and shapes checked.
SHAPED = ('radiance', 'tonemap', 'merge', 'flow', 'network', 'runtime', 'synthesis', 'training',
          'evaluation')
jaxtyping.install_import_hook([f'ddfnet_ros.{room}' for room in SHAPED], 'beartype.beartype')

# Times on a shared machine say nothing; and a failure must come back on the next run.
hypothesis.settings.register_profile('ddfnet', deadline=None, derandomize=True)
hypothesis.settings.load_profile('ddfnet')

# Kernels compiled anew: Numba does not notice all changes (kernels/arithmetic.py).
kernels = tempfile.mkdtemp(prefix='ddfnet_ros_kernels_')
os.environ['NUMBA_CACHE_DIR'] = kernels
atexit.register(shutil.rmtree, kernels, ignore_errors=True)

# Real Fast DDS, but nobody else's: this host's shared memory only, a domain of this run's own.
if shutil.disk_usage('/dev/shm').free > 2**28:  # containers have 64 MB, and take UDP
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        os.environ[name] = str(Path(__file__).parents[1] / 'config/fastdds_local.xml')
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_DOMAIN_ID'] = str(random.SystemRandom().randrange(101))
os.environ['ROS_LOG_DIR'] = str(Path(tempfile.gettempdir()) / 'ddfnet_ros_test_logs')
prefixes = [sys.prefix, *filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))]
os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(prefixes)

# A background job or nohup ignores these, and the processes under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
