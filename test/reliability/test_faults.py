# SPDX-License-Identifier: Apache-2.0
"""Faults over real DDS: what is half done is lost and counted, what comes next is fused."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from .conftest import node_bench

ROOT = Path(__file__).resolve().parents[2]
EXPOSURES, TOPIC = node_bench.EXPOSURES, node_bench.TOPIC
HDR = '/fuse_node/hdr'
KILLED = '/killed/image_raw'
PUBLISHER = f"""
import sys, time, rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, '{KILLED}', 10)
while not publisher.get_subscription_count():
    time.sleep(0.02)
for place in range(2):
    image = Image(height=24, width=32, step=96, encoding='rgb8', data=bytes(24 * 96))
    image.header.stamp.sec, image.header.stamp.nanosec = 3, place * 10**7
    publisher.publish(image)
    time.sleep(0.2)
print('two of three', flush=True)
time.sleep(60)
"""
SLEEPER = """
import rclpy
from rclpy.qos import HistoryPolicy, QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('asleep')
node.create_subscription(Image, '{topic}', print, QoSProfile(
    depth=1, history=HistoryPolicy.{history}))
rclpy.spin_once(node, timeout_sec=60)
"""
WITHOUT_RIGHTS = ('setpriv', '--inh-caps=-all', '--bounding-set=-all', '--securebits=+noroot',
                  '--no-new-privs')


@contextmanager
def process(*words, under=()):
    """A process that is gone at the end, whatever happened; `under` another command."""
    started = subprocess.Popen([*under, sys.executable, *words], cwd=ROOT, env=os.environ,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait(30)


def node_process(model, name, under=()):
    times = ', '.join(map(str, EXPOSURES))
    return process('-m', 'ddfnet_ros.node.fuse_node', '--ros-args', '-r', f'__node:={name}',
                   '-p', f'model:={model}', '-p', 'device:=cpu', '-p', 'threads:=1',
                   '-p', f'image_topics:=[{TOPIC}]', '-p', f'exposure_times:=[{times}]',
                   '-p', 'cycle_period:=0.03', '-p', 'diagnostics_period:=0.2', under=under)


def frame(place, start_ns):
    return node_bench.image(node_bench.scene(EXPOSURES[place]), start_ns + place * 10**7)


def test_a_node_that_was_killed_within_a_bracket_comes_back_without_the_half_of_it(
        bench_with, model):
    peer = bench_with(start=False, views={})
    peer.listen('/victim/hdr', Image)
    peer.listen('/heir/bracket_info', DiagnosticArray)
    with node_process(model, 'victim') as victim:
        peer.spin_until(lambda: peer.peer.count_subscribers(TOPIC), 'node', 60)
        for place in (0, 1):
            peer.send(TOPIC, frame(place, 3 * 10**9))
        peer.spin(0.3)
        victim.send_signal(signal.SIGKILL)
        victim.wait(30)
        assert peer.received['/victim/hdr'] == []
    with node_process(model, 'heir'):  # of another name, because the dead are listed for a while
        peer.spin_until(lambda: peer.peer.count_subscribers(TOPIC) > 1, 'node', 60)
        peer.spin_until(lambda: peer.peer.count_publishers('/heir/bracket_info'), 'node', 60)
        peer.spin(0.5)
        peer.send(TOPIC, frame(2, 3 * 10**9))  # the rest of the turn that it died in
        for place in range(3):
            peer.send(TOPIC, frame(place, 6 * 10**9))
        told = peer.next('/heir/bracket_info').status[0].values
    stamps = [value.value for value in told if value.key.endswith('.stamp')]
    assert stamps == ['6.000000000', '6.010000000', '6.020000000']


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which('setpriv'), reason='needs setpriv')
def test_the_node_fuses_without_any_right_of_root(bench_with, model):
    peer = bench_with(start=False, views={})
    peer.listen('/humble/hdr', Image)
    with node_process(model, 'humble', WITHOUT_RIGHTS if os.getuid() == 0 else ()) as node:
        peer.spin_until(lambda: peer.peer.count_subscribers(TOPIC), 'node', 60)
        peer.spin_until(lambda: peer.peer.count_publishers('/humble/hdr'), 'node', 60)
        peer.spin(0.5)
        for place in range(3):
            peer.send(TOPIC, frame(place, 3 * 10**9))
        assert peer.next('/humble/hdr').header.stamp.sec == 3
        status = Path(f'/proc/{node.pid}/status').read_text()
    rights = [line.split()[1] for line in status.splitlines() if line.startswith('Cap')]
    assert len(rights) == 5
    assert {int(right, 16) for right in rights} == {0} or os.getuid()


def test_what_a_killed_publisher_left_half_done_meets_no_frame_of_the_next(bench_with):
    bench = bench_with(image_topics=[KILLED], exposure_source='parameters', transport='raw',
                       cycle_period=0.03)
    with process('-c', PUBLISHER) as camera:
        bench.spin_until(lambda: bench.node._fusion.statistics.snapshot(
            bench.node._fusion.inputs.dropped).received == 2, 'two images', 60)
        camera.send_signal(signal.SIGKILL)
        camera.wait(30)
    bench.send(KILLED, frame(2, 6 * 10**9))  # of a turn whose beginning nobody saw
    for place in range(3):
        bench.send(KILLED, frame(place, 9 * 10**9))
    came = bench.next(HDR).header
    assert (came.stamp.sec, came.stamp.nanosec) == (9, 10**7)
    drops = {k: int(v) for k, v in bench.counts().items() if k.startswith('dropped.')}
    assert sum(drops.values()) == 3


def test_after_fifty_random_transitions_the_node_fuses_and_nothing_has_piled_up(bench_with):
    bench = bench_with(start=False)
    rng, node = random.Random(1), bench.node
    transitions = [node.trigger_configure, node.trigger_activate, node.trigger_deactivate,
                   node.trigger_cleanup]
    threads, entities = threading.active_count(), None
    for step in range(50):
        with suppress(RuntimeError):  # of a transition that this state does not have
            rng.choice(transitions)()
        if state_of(node) == 'active' and rng.random() < 0.5:
            bench.send_bracket((step + 1) * 10**9)
        bench.spin(0.01)
        if state_of(node) == 'unconfigured':
            now = len(list(node.publishers)), len(list(node.subscriptions)), len(list(node.timers))
            assert entities in (None, now)
            entities = now
    for wanted, transition in (('active', 'deactivate'), ('inactive', 'cleanup')):
        if state_of(node) == wanted:
            getattr(node, f'trigger_{transition}')()
    assert threading.active_count() <= threads + 1
    node.start()
    bench.settle()
    bench.received[HDR].clear()
    bench.send_bracket(900 * 10**9)
    assert bench.next(HDR).header.stamp.sec == 900


@pytest.mark.parametrize('history', ['KEEP_LAST', 'KEEP_ALL'])
def test_a_subscriber_that_never_reads_keeps_nothing_from_the_others(bench, history):
    with process('-c', SLEEPER.format(topic=HDR, history=history)) as asleep:
        bench.spin_until(lambda: bench.node.count_subscribers(HDR) == 2, 'second subscriber', 60)
        asleep.send_signal(signal.SIGSTOP)  # it cannot even acknowledge any more
        for second in range(1, 21):
            bench.send_bracket(second * 10**9)
            assert bench.next(HDR).header.stamp.sec == second
        counts = bench.counts()
    assert not any(key.startswith('dropped.') for key in counts)
    assert float(counts['latency_ms.median']) < 500  # publishing waits for nobody


def test_what_is_left_of_a_bracket_with_a_lost_frame_counts_as_incomplete(bench_with):
    bench = bench_with(exposure_source='parameters', cycle_period=0.03)
    for start_ns, places in ((3 * 10**9, (0, 2)), (3 * 10**9 + 3 * 10**7, (0, 1, 2))):
        for place in places:
            bench.send(TOPIC, frame(place, start_ns))
    bench.next(HDR)
    drops = {k: v for k, v in bench.counts().items() if k.startswith('dropped.')}
    assert drops == {'dropped.incomplete': '2'}


def state_of(node):
    return node._state_machine.current_state[1]


def test_a_storm_of_parameters_while_brackets_are_fused_loses_neither(bench):
    rng = random.Random(4)
    changes = {'mu': lambda: rng.uniform(1.0, 1e4), 'gamma': lambda: rng.uniform(1.0, 4.0),
               'tone_map': lambda: rng.choice(('mu', 'drago', 'key', 'reinhard', 'bad')),
               'response': lambda: rng.choice(('gamma', 'srgb', 'linear')),
               'jpeg_quality': lambda: rng.randint(-5, 100)}
    stop, refused = threading.Event(), []

    def storm():
        while not stop.is_set():
            name = rng.choice(sorted(changes))
            (result,) = bench.node.set_parameters([Parameter(name, value=changes[name]())])
            if not result.successful:
                refused.append(result.reason)

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for second in range(1, 9):
            bench.send_bracket(second * 10**9)
            assert bench.next(HDR).header.stamp.sec == second
    finally:
        stop.set()
        thread.join()
    assert bench.node.get_parameter('mu').value == bench.node._settings.now.mu
    assert any('expected one of mu,' in reason for reason in refused)
    assert all(refused)
    assert bench.counts()['brackets_fused'] == '8'


@pytest.mark.parametrize('damage', ['replaced', 'truncated', 'removed'])
def test_weights_that_change_on_disk_change_nothing_of_a_node_that_runs(
        bench_with, model, tmp_path, damage):
    path = Path(shutil.copy(model, tmp_path / 'mine.safetensors'))
    bench = bench_with(model=str(path))
    bench.send_bracket(10**9)
    before = bench.next(HDR).data
    if damage == 'replaced':
        path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))
    elif damage == 'truncated':
        os.truncate(path, 100)
    else:
        path.unlink()
    bench.send_bracket(2 * 10**9)
    assert bench.next(HDR).data == before
