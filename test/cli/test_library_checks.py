# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from ddfnet_ros.cli import library_checks
from ddfnet_ros.cli.findings import FAIL, WARN

from .conftest import one


def test_damaged_weights_are_a_failure(tmp_path, monkeypatch):
    (tmp_path / 'fast.safetensors').write_bytes(b'not weights')
    monkeypatch.setenv('DDFNET_MODELS', str(tmp_path))
    finding = next(f for f in library_checks.check_weights() if f.name == 'weights fast')
    assert finding.level == FAIL
    assert str(tmp_path) in finding.text


@pytest.mark.parametrize(('text', 'said'), [
    ('raise ImportError("numpy.core.multiarray failed to import")', 'multiarray'),
    ('import os; os.abort()', 'signal 6'),
])
def test_a_cv_bridge_that_breaks_ends_only_its_own_process(text, said, module):
    module('cv_bridge', text)
    finding = one(library_checks.check_cv_bridge())
    assert finding.level == WARN
    assert said in finding.text


def test_cv_bridge_is_looked_for_where_this_process_looks(tmp_path, monkeypatch):
    (tmp_path / 'cv_bridge.py').write_text('raise ImportError("found and broken")')
    monkeypatch.syspath_prepend(tmp_path)
    assert 'found and broken' in one(library_checks.check_cv_bridge()).text


def test_a_torch_that_cannot_use_the_gpu_that_is_there_is_told(module, monkeypatch):
    module('torch', """
__version__ = '9'
class version: cuda = None
class cuda:
    is_available = staticmethod(lambda: False)
    device_count = staticmethod(lambda: 0)
""")
    monkeypatch.setattr(shutil, 'which', lambda name: f'/usr/bin/{name}')
    torch, gpu = library_checks.check_torch()
    assert torch.text == '9, CUDA none'
    assert (gpu.level, gpu.remedy) == (WARN, 'install a CUDA build of torch')


def test_two_builds_of_opencv_over_each_other_are_told(monkeypatch):
    monkeypatch.setattr(library_checks, '_version',
                        lambda package: '5.0' if 'contrib' not in package else '')
    finding = one(library_checks.check_opencv())
    assert finding.level == WARN
    assert 'opencv-python and opencv-python-headless' in finding.text
