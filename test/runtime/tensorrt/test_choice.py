# SPDX-License-Identifier: Apache-2.0
import sys
from types import SimpleNamespace

import pytest
import torch

from ddfnet_ros.runtime import acceleration
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.runtime.tensorrt.builder import check
from ddfnet_ros.settings import DeghosterSettings

from .networks import CUDA, network


def test_auto_never_takes_it():
    model = SimpleNamespace()
    assert acceleration.install_backend(model, 'auto', CUDA, torch.bfloat16) == 'torch'


def test_on_a_cpu_it_is_refused():
    with pytest.raises(ValueError, match='expected a CUDA device for tensorrt, got cpu'):
        Deghoster(DeghosterSettings(model='fast', device='cpu', backend='tensorrt'))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(ValueError, match=r'pip install "ddfnet_ros\[tensorrt\]"'):
        acceleration.install_backend(network(), 'tensorrt', CUDA, torch.bfloat16)


@pytest.mark.parametrize(('version', 'taken'), [
    ('8.6.1', False), ('10.0.1', False), ('10.1.0', True), ('10.16.1.11', True), ('11.4.0', True)])
def test_versions_before_memory_can_be_given_by_size_are_refused(monkeypatch, version, taken):
    monkeypatch.setitem(sys.modules, 'tensorrt', SimpleNamespace(__version__=version))
    if taken:
        backend = acceleration.install_backend(network(), 'tensorrt', CUDA, torch.bfloat16)
        assert backend == 'tensorrt'
        return
    with pytest.raises(ValueError, match=rf'expected TensorRT 10\.1 or newer, got {version}'):
        check(CUDA)
