# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.runtime.machine import hardware, processor


def test_a_device_is_called_what_it_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device: f'card {device.index}')
    assert processor('cuda:1') == hardware(torch.device('cuda:1')) == 'card 1'
    assert 'card' not in processor('cpu')


def test_of_a_cpu_the_threads_count():
    assert hardware('cpu') == f'{processor("cpu")}, {torch.get_num_threads()} threads'
