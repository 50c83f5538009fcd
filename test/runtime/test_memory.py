# SPDX-License-Identifier: Apache-2.0
import ctypes
import subprocess
import sys

import pytest

from ddfnet_ros.runtime.memory import keep_freed_memory

# Page faults of ten rounds of image-sized buffers in a worker thread, as the node works.
FAULTS = """
import resource, sys, threading
import numpy as np
if sys.argv[1] == 'keep':
    from ddfnet_ros.runtime.memory import keep_freed_memory
    assert keep_freed_memory()
def work():
    for _ in range(10):
        held = [np.ones(2**21) for _ in range(4)]  # 16 MiB each
        del held
worker = threading.Thread(target=work)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
worker.start(); worker.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def has_mallopt():
    return sys.platform == 'linux' and hasattr(ctypes.CDLL(None), 'mallopt')


def faults(mode):
    done = subprocess.run([sys.executable, '-c', FAULTS, mode], capture_output=True, text=True,
                          check=True)
    return int(done.stdout)


@pytest.mark.skipif(not has_mallopt(), reason='glibc only')
def test_large_buffers_are_mapped_in_once():
    assert faults('keep') < faults('plain') / 3


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    assert keep_freed_memory() is False
