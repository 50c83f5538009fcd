# SPDX-License-Identifier: Apache-2.0
"""What is kept on disk between processes; the kernels are copied, and changed like an update."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ddfnet_ros import kernels

pytest.importorskip('numba')

PROGRAM = """
import numpy as np
from kernels import showing
radiance = np.full((3, 2, 8), 0.01, np.float32)
scaled, picture = np.empty((2, 8, 3), np.float32), np.empty((2, 8, 3), np.uint8)
showing.show(radiance, np.float32(1), np.float32(5000), False, (0, 2), scaled, picture)
print(picture.max(), sum(showing.show.stats.cache_hits.values()))
"""


@pytest.fixture
def shown(tmp_path):
    """Runs a kernel of a copy in a process of its own; gives a pixel, and whether it was kept."""
    copy = tmp_path / 'kernels'
    shutil.copytree(Path(kernels.__file__).parent, copy,
                    ignore=shutil.ignore_patterns('__pycache__'))
    for path in copy.glob('*.py'):
        path.write_text(path.read_text().replace('ddfnet_ros.kernels', 'kernels'))

    def run(program=PROGRAM, **environment):
        kept = {'NUMBA_CACHE_DIR': str(tmp_path / 'kept')}
        done = subprocess.run([sys.executable, '-c', program], cwd=tmp_path, capture_output=True,
                              text=True, check=False, env=os.environ | kept | environment)
        assert done.returncode == 0, done.stderr
        pixel, hits = map(int, done.stdout.split())
        return pixel, hits, done.stderr

    run.folder = tmp_path
    return run


def test_kernels_are_kept_until_any_of_their_files_changes(shown):
    first, hits, _ = shown()
    assert hits == 0
    assert shown()[:2] == (first, 1)
    arithmetic = shown.folder / 'kernels' / 'arithmetic.py'
    arithmetic.write_text(arithmetic.read_text().replace(
        'radiance, _ZERO)) * scale', 'radiance, _ZERO)) * scale / _TWO'))
    changed, hits, _ = shown()
    assert hits == 0
    assert changed == pytest.approx(first / 2, abs=1)


@pytest.mark.parametrize('suffix', ['.nbi', '.nbc'])
def test_damaged_files_are_made_again(shown, suffix):
    first, *_ = shown()
    kept = list((shown.folder / 'kept').rglob(f'*{suffix}'))
    assert kept
    for path in kept:
        path.write_bytes(b'')
    assert shown()[:2] == (first, 0)
    assert shown()[:2] == (first, 1)


def test_a_full_disk_costs_the_time_to_compile(shown):
    full = 'import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n' + PROGRAM
    pixel, hits, _ = shown(full)
    assert pixel > 0
    assert hits == 0
    assert shown()[:2] == (pixel, 0)  # there is room again
    assert shown()[:2] == (pixel, 1)


def test_without_a_folder_kernels_are_compiled_each_time(shown):
    (shown.folder / 'no_folder').write_text('')
    blocked = str(shown.folder / 'no_folder' / 'kept')
    pixel, hits, said = shown(NUMBA_CACHE_DIR=blocked, HOME=blocked, XDG_CACHE_HOME=blocked)
    assert pixel > 0
    assert hits == 0
    assert said.count('set NUMBA_CACHE_DIR') <= 1
