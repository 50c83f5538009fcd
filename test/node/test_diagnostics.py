# SPDX-License-Identifier: Apache-2.0
"""What the node counts and says of itself."""

import dataclasses
import threading

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image

from ddfnet_ros.node import diagnostics
from ddfnet_ros.runtime.deghoster import Deghoster

from .conftest import EXPOSURES, TOPIC, header, image, scene

HDR = '/fuse_node/hdr'


@pytest.fixture
def held(monkeypatch):
    """Whether a fusion has begun, and what lets it go on."""
    fuse, begun, let_go = Deghoster.submit, threading.Event(), threading.Event()

    def slowly(self, request):
        begun.set()
        let_go.wait(30)
        return fuse(self, request)

    monkeypatch.setattr(Deghoster, 'submit', slowly)
    return begun, let_go


def test_brackets_that_come_too_fast_are_superseded_and_counted(bench, held):
    begun, let_go = held
    for second in (1, 2, 3, 4):
        bench.send_bracket(second * 10**9)
        bench.spin_until(begun.is_set, 'fusion')
        arrived = f'{3 * second}'
        bench.spin_until(lambda arrived=arrived: bench.counts()['images_received'] == arrived,
                         f'{arrived} images')
    let_go.set()
    assert [bench.next(HDR).header.stamp.sec for _ in range(2)] == [1, 4]
    assert int(bench.counts()['dropped.superseded']) == 2


def test_a_bracket_that_waits_when_the_node_is_deactivated_is_counted(bench, held):
    begun, let_go = held
    bench.send_bracket(10**9)
    bench.spin_until(begun.is_set, 'fusion')
    bench.send_bracket(2 * 10**9)
    bench.spin_until(lambda: bench.counts()['images_received'] == '6', 'six images')
    threading.Timer(0.1, let_go.set).start()
    bench.node.trigger_deactivate()
    counts = bench.counts()
    assert (counts['brackets_fused'], counts['dropped.superseded']) == ('1', '1')


def send_shuffled(bench, second, order):
    """A bracket whose frames have each other's exposure times."""
    frames = [scene(exposure) for exposure in EXPOSURES]
    for k, (place, exposure) in enumerate(zip(order, EXPOSURES, strict=True)):
        bench.send_frame(image(frames[place], second * 10**9 + k * 10**7), exposure)


def test_exposures_that_cannot_be_the_frames_are_a_warning_until_they_can(bench):
    for second, order in ((1, (1, 2, 0)), (2, (0, 1, 2))):
        send_shuffled(bench, second, order)
        bench.next(HDR)
        counts = bench.counts()
        assert ('to be brighter than' in counts['message']) is (second == 1)
        assert (counts['level'] == DiagnosticStatus.WARN) is (second == 1)


def test_that_warning_ends_with_the_last_listener(bench):
    send_shuffled(bench, 1, (1, 2, 0))
    bench.next(HDR)
    assert bench.counts()['level'] == DiagnosticStatus.WARN
    for subscription in list(bench.peer.subscriptions):
        if subscription.topic_name.startswith('/fuse_node/'):
            bench.peer.destroy_subscription(subscription)
    outputs = bench.node._fusion.outputs
    bench.spin_until(lambda: not outputs.wanted, 'news that nobody listens')
    send_shuffled(bench, 2, (1, 2, 0))
    bench.spin_until(lambda: bench.counts()['brackets_nobody_wanted'] == '1', 'an idle bracket')
    assert bench.counts()['level'] == DiagnosticStatus.OK


def test_an_error_in_the_fusion_is_counted_and_the_next_bracket_is_fused(bench, monkeypatch):
    fuse, broken = Deghoster.submit, [True]

    def fail_once(self, request):
        if broken.pop() if broken else False:
            raise RuntimeError('an illegal memory access')
        return fuse(self, request)

    monkeypatch.setattr(Deghoster, 'submit', fail_once)
    bench.send_bracket(10**9)
    bench.spin_until(lambda: not broken, 'fusion')
    bench.send_bracket(2 * 10**9)
    assert bench.next(HDR).header == header(2 * 10**9 + 10**7)
    assert int(bench.counts()['dropped.failed']) == 1


def test_diagnostics_tell_rates_latency_model_and_device(bench_with):
    bench = bench_with(backend='torch')
    bench.send_bracket(10**9)
    bench.next(HDR)
    counts = bench.counts()
    assert [counts[key] for key in ('model', 'device', 'precision', 'backend')] == [
        'tiny', 'cpu', 'float32', 'torch']
    assert (counts['images_received'], counts['brackets_fused']) == ('3', '1')
    assert float(counts['latency_ms.median']) > 0
    stages = [key for key in counts if key.startswith('stage_ms.')]
    assert (*stages[:2], stages[-1]) == (
        'stage_ms.decode', 'stage_ms.wait', 'stage_ms.publish')
    assert sum(float(counts[stage]) for stage in stages) <= float(counts['latency_ms.median']) + 1
    assert 0 <= float(counts['clipped_fraction.after']) <= float(
        counts['clipped_fraction.before']) <= 1
    assert float(counts['memory_mb']) > 10


def test_diagnostics_tell_whether_brackets_are_done_in_time(bench):
    bench.node.set_parameters([Parameter('max_allowed_processing_time_ms', value=0.001)])
    bench.send_bracket(10**9)
    bench.next(HDR)
    bench.received['/diagnostics'].clear()
    _, status = bench.next('/diagnostics').status
    assert status.name == '/fuse_node: processing_time_status'
    assert status.level == DiagnosticStatus.WARN
    values = {value.key: value.value for value in status.values}
    assert values['is_processing_time_ms_in_expected_range'] == 'False'
    assert float(values['processing_time_ms']) > 0


@pytest.fixture
def elsewhere():
    """A node with a DDS participant of its own: one participant takes one type per topic."""
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = Node('elsewhere', context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def impatience(monkeypatch):
    monkeypatch.setattr(diagnostics, 'PATIENCE', 0.1)


def wait_for_warning(bench, text):
    def said():
        counts = bench.counts()
        return counts['level'] == DiagnosticStatus.WARN and text in counts['message']

    bench.spin_until(said, f'diagnostics with {text!r}')


def test_diagnostics_tell_that_nobody_publishes(bench, impatience):
    wait_for_warning(bench, f'no publisher on {TOPIC}')


def test_diagnostics_tell_that_images_are_of_another_type(bench, elsewhere, impatience):
    elsewhere.create_publisher(CompressedImage, TOPIC, 10)
    wait_for_warning(bench, f'expected sensor_msgs/msg/Image on {TOPIC}, got sensor_msgs/msg/Comp')


def test_diagnostics_tell_that_images_get_lost(bench, impatience):
    bench.peer.create_publisher(Image, TOPIC, 10)
    wait_for_warning(bench, 'although there are publishers')


@pytest.mark.parametrize(('unfused', 'level'), [(1.0, DiagnosticStatus.OK),
                                                (9.0, DiagnosticStatus.OK),
                                                (11.0, DiagnosticStatus.WARN)])
def test_a_bracket_that_takes_longer_than_the_period_is_waited_for(unfused, level):
    before = diagnostics.Snapshot(fused=3)
    now = diagnostics.Snapshot(
        fused=3, unfused=unfused, dropped={'superseded': 10}, latencies_ms=(3400.0, 3300.0))
    assert diagnostics.judge(now, before, before, str)[0] == level


@pytest.mark.parametrize(('images', 'seconds', 'level'), [
    (30, 9.0, DiagnosticStatus.WARN), (30, 3.0, DiagnosticStatus.OK),
    (9, 60.0, DiagnosticStatus.OK)])
def test_images_of_which_none_becomes_a_bracket_are_a_warning(images, seconds, level):
    productive = diagnostics.Snapshot(time=0.0, received=30, fused=10)
    before = diagnostics.Snapshot(
        time=seconds, received=30 + images, fused=10, dropped={'incomplete': images})
    for drops, text in ((before.dropped, f'dropped incomplete {images} (an exposure is missing'),
                        ({}, 'frames wait for their metadata')):
        now = dataclasses.replace(before, dropped=drops)
        found, message = diagnostics.judge(now, now, productive, str)
        assert found == level
        assert (f'{images} images but no bracket for {seconds:.0f} s: {text}' in message) is (
            level == DiagnosticStatus.WARN)


def test_brackets_that_are_superseded_are_brackets_too():
    productive = diagnostics.Snapshot(time=0.0)
    now = diagnostics.Snapshot(time=9.0, received=300, unfused=1.0, dropped={'superseded': 90})
    assert now.brackets > productive.brackets


def test_the_95th_percentile_of_few_is_the_largest():
    now = diagnostics.Snapshot(latencies_ms=(300.0, 70.0))
    values = {value.key: value.value for value in diagnostics.values_of(now, now)}
    assert (values['latency_ms.median'], values['latency_ms.p95']) == ('185.0', '300.0')
