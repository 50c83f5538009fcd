# SPDX-License-Identifier: Apache-2.0
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from ddfnet_ros.runtime.stages import Stage

CPU, GPU = torch.device('cpu'), torch.device('cuda:0')


def test_on_a_cpu_a_stage_is_a_name_and_a_clock():
    first, second = Stage('first', CPU), Stage('second', CPU)
    tensor = torch.rand(3)
    with first.after():
        time.sleep(0.02)
        handed = first.hand_over(first.to_device(tensor), second)
    with second.after(first):
        result = second.to_host(handed)
    second.wait()
    assert result is tensor
    assert first.name == 'first'
    assert not first.pins
    assert first.again().name == 'first'
    assert 19 < first.ms < 500
    assert second.ms < first.ms


@pytest.fixture
def calls(monkeypatch):
    """What is asked of CUDA, in order; there need not be any."""
    said = []

    def stream(_device, priority=0):
        number = len([word for word in said if word.endswith('made')]) + 1
        said.append(f'stream {number} made')
        return SimpleNamespace(
            name=f'stream {number}',
            wait_event=lambda event: said.append(f'stream {number} waits for {event.of}'))

    def event(enable_timing):
        assert enable_timing
        event = SimpleNamespace(of=None)
        event.record = lambda: (setattr(event, 'of', current[-1]),
                                said.append(f'{current[-1]} marked'))
        event.synchronize = lambda: said.append(f'host waits for {event.of}')
        event.elapsed_time = lambda other: 7.0
        return event

    current = ['default']

    @contextmanager
    def entered(stream):
        current.append(stream.name)
        yield
        current.pop()

    @contextmanager
    def named(name):
        said.append(f'{name}:')
        yield

    monkeypatch.setattr(torch.cuda, 'Stream', stream)
    monkeypatch.setattr(torch.cuda, 'Event', event)
    monkeypatch.setattr(torch.cuda, 'stream', entered)
    monkeypatch.setattr(torch.cuda.nvtx, 'range', named)
    return said


def test_on_a_gpu_streams_wait_for_each_other_and_the_host_once(calls, monkeypatch):
    upload, network = Stage('upload', GPU), Stage('network', GPU)
    handed = []
    monkeypatch.setattr(torch.Tensor, 'record_stream', lambda _, to: handed.append(to.name))
    calls.clear()
    with upload.after():
        calls.append('copy')
        upload.hand_over(torch.rand(2), network)
    with network.after(upload):
        calls.append('compute')
    network.wait()
    assert calls == [
        'upload:', 'stream 1 marked', 'copy', 'stream 1 marked',
        'stream 2 waits for stream 1', 'network:', 'stream 2 marked', 'compute',
        'stream 2 marked', 'host waits for stream 2']
    assert handed == ['stream 2']
    assert network.ms == 7.0


def test_the_next_bracket_takes_the_same_stream_and_another_clock(calls):
    network = Stage('network', GPU)
    following = network.again()
    calls.clear()
    with network.after():
        calls.append('first')
    with following.after(network):
        calls.append('second')
    network.wait()
    assert calls == [
        'network:', 'stream 1 marked', 'first', 'stream 1 marked',
        'stream 1 waits for stream 1', 'network:', 'stream 1 marked', 'second', 'stream 1 marked',
        'host waits for stream 1']
    assert following._done is not network._done
    assert (following.name, following.pins) == ('network', True)
