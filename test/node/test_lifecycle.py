# SPDX-License-Identifier: Apache-2.0
"""What each transition takes and frees."""

import threading
from contextlib import suppress

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

from ddfnet_ros.node import engine, fuse_node
from ddfnet_ros.node.fuse_node import FuseNode

from .conftest import DEFAULTS, TOPIC

HDR = '/fuse_node/hdr'


def state_of(bench):
    return bench.node._state_machine.current_state[1]


def test_the_life_cycle_takes_and_frees_what_it_says(bench_with):
    bench = bench_with(start=False)

    def there():
        return (any(p.topic_name == HDR for p in bench.node.publishers),
                any(s.topic_name == TOPIC for s in bench.node.subscriptions))

    assert there() == (False, False)
    for _ in range(2):
        bench.node.trigger_configure()
        assert (state_of(bench), there()) == ('inactive', (True, False))
        bench.node.trigger_activate()
        assert (state_of(bench), there()) == ('active', (True, True))
        bench.settle()
        bench.send_bracket(10**9)
        bench.next(HDR)
        bench.node.trigger_deactivate()
        assert (state_of(bench), there()) == ('inactive', (True, False))
        bench.node.trigger_cleanup()
        assert (state_of(bench), there()) == ('unconfigured', (False, False))
    bench.node.trigger_shutdown()
    assert state_of(bench) == 'finalized'


def test_missing_weights_leave_the_node_unconfigured_and_say_why(bench_with, tmp_path):
    bench = bench_with(start=False, model=str(tmp_path / 'nothing.safetensors'))
    bench.node.start()
    assert state_of(bench) == 'unconfigured'
    counts = bench.counts()
    assert counts['level'] == DiagnosticStatus.ERROR
    assert 'nothing.safetensors' in counts['message']
    assert counts['message'].endswith(
        '; correct that, then ros2 lifecycle set /fuse_node configure, or start anew')
    assert '\n' not in counts['message']


def test_a_node_that_could_be_configured_at_last_says_no_more_that_it_could_not(
        bench_with, model, tmp_path):
    bench = bench_with(start=False, model=str(tmp_path / 'nothing.safetensors'))
    bench.node.trigger_configure()
    assert bench.counts()['level'] == DiagnosticStatus.ERROR
    bench.node.set_parameters([Parameter('model', value=str(model))])
    bench.node.trigger_configure()
    counts = bench.counts()
    assert (counts['level'], counts['message']) == (DiagnosticStatus.OK, 'inactive')


def test_what_could_be_made_of_a_configuration_that_failed_is_freed(bench_with):
    bench = bench_with(start=False, **{
        'qos_overrides./fuse_node/flow.publisher.reliability': 'nonsense'})
    before = [publisher.topic_name for publisher in bench.node.publishers]
    for _ in range(2):
        bench.node.trigger_configure()
        assert 'cannot configure' in bench.counts()['message']
        assert [publisher.topic_name for publisher in bench.node.publishers] == before


def test_what_goes_wrong_in_activation_leaves_the_node_inactive_and_is_said(bench_with, capfd):
    bench = bench_with(start=False, transport='raw')
    bench.peer.create_publisher(CompressedImage, TOPIC, 10)  # in the node's own participant
    bench.node.trigger_configure()
    bench.node.trigger_activate()
    assert state_of(bench) == 'inactive'
    assert 'cannot activate: ' in capfd.readouterr().err
    assert 'cannot activate: ' in bench.counts()['message']


def test_without_autostart_the_node_waits(bench_with):
    bench = bench_with(start=False, autostart=False)
    bench.node.start()
    assert state_of(bench) == 'unconfigured'


def test_an_interrupt_while_it_configures_is_no_problem_to_tell(model, monkeypatch, capfd):
    context = rclpy.Context()
    rclpy.init(args=[], context=context)

    def interrupted(*words):
        loaded = load(*words)
        context.shutdown()  # what rclpy does on SIGINT
        return loaded

    load = engine.Engine
    monkeypatch.setattr(engine, 'Engine', interrupted)
    given = DEFAULTS | {'model': str(model)}
    node = FuseNode(context=context, parameter_overrides=[
        Parameter(name, value=value) for name, value in given.items()])
    try:
        with suppress(RuntimeError):  # Jazzy's rclpy: it cannot tell of the transition either
            node.start()
    finally:
        node.destroy_node()
    assert 'cannot configure' not in capfd.readouterr().err


def test_where_no_thread_can_be_started_the_node_is_not_active_and_can_be_later(
        bench_with, monkeypatch, capfd):
    bench = bench_with(start=False)
    bench.node.trigger_configure()
    start = threading.Thread.start

    def none_left(thread):
        if thread.name == 'worker':
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', none_left)
    bench.node.trigger_activate()
    assert state_of(bench) == 'inactive'
    assert "cannot activate: can't start new thread" in capfd.readouterr().err
    monkeypatch.undo()
    bench.node.trigger_activate()
    bench.settle()
    bench.send_bracket(10**9)
    bench.next(HDR)


def test_an_activated_node_knows_of_no_slow_bracket_of_before(bench_with):
    bench = bench_with(max_allowed_processing_time_ms=1e-3)
    name = '/fuse_node: processing_time_status'

    def judged():
        told = bench.received['/diagnostics']
        told.clear()
        bench.spin_until(lambda: any(s.name == name for array in told for s in array.status), name)
        return next(s.message for array in told for s in array.status if s.name == name)

    bench.send_bracket(10**9)
    bench.next(HDR)
    bench.spin_until(lambda: 'got' in judged(), 'slow bracket')
    bench.node.trigger_deactivate()
    bench.node.trigger_activate()
    bench.spin(0.3)  # what was on its way
    assert judged() == 'waiting for the first bracket'


@pytest.mark.parametrize('transition', [
    Transition(id=Transition.TRANSITION_ACTIVATE), Transition(label='activate'),
    Transition(id=99), Transition(label='fly')])
def test_a_transition_that_is_not_possible_is_refused_by_id_as_by_label(
        bench_with, capfd, transition):
    bench = bench_with(start=False)
    request = ChangeState.Request(transition=transition)
    assert not bench.call('change_state', ChangeState, request).success
    assert state_of(bench) == 'unconfigured'
    if not transition.label:
        assert 'the node has now, when it is unconfigured' in capfd.readouterr().err
    bench.node.start()
    assert state_of(bench) == 'active'


def test_what_could_not_be_done_is_no_news_after_cleanup(bench_with, monkeypatch):
    bench = bench_with(start=False)
    bench.node.trigger_configure()
    monkeypatch.setattr(fuse_node, 'Worker', None)
    bench.node.trigger_activate()
    assert 'cannot activate' in bench.counts()['message']
    bench.node.trigger_cleanup()
    assert bench.counts()['level'] == DiagnosticStatus.OK
