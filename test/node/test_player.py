# SPDX-License-Identifier: Apache-2.0
import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from ddfnet_ros.bags import TYPES, BagWriter, Message
from ddfnet_ros.bags.types import Topic

IMAGES, OTHERS = '/camera/image_raw/compressed', '/camera/notes'
COUNT, PERIOD_NS, START_NS = 6, 10**8, 5 * 10**9


def compressed_image(stamp_ns, content):
    types = TYPES.types
    sec, nanosec = divmod(stamp_ns, 10**9)
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    header = types['std_msgs/msg/Header'](stamp=stamp, frame_id='camera')
    data = np.full(1000, content, np.uint8)
    return types['sensor_msgs/msg/CompressedImage'](header=header, format='jpeg', data=data)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp('bag') / 'camera.mcap'
    with BagWriter(path) as writer:
        for i in range(COUNT):
            stamp_ns = START_NS + i * PERIOD_NS
            writer.write(IMAGES, compressed_image(stamp_ns, i), stamp_ns)
            writer.write(OTHERS, TYPES.types['std_msgs/msg/String'](data='other'), stamp_ns)
    return path


def play(*arguments):
    return subprocess.Popen([sys.executable, '-m', 'ddfnet_ros.node.player', *map(str, arguments)],
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_bag_is_played_as_it_is_at_its_pace_with_its_clock_and_again(ros, bag):
    node, executor = Node('listening'), SingleThreadedExecutor()
    executor.add_node(node)
    images, clock, arrivals = [], [], []
    node.create_subscription(
        CompressedImage, IMAGES, lambda m: (images.append(m), arrivals.append(time.monotonic())),
        20)
    node.create_subscription(Clock, '/clock', clock.append, 100)
    process = play(bag, '--loop', 2, '--rate', 2, '--clock', '--wait', 60)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.01)
    for _ in range(20):
        executor.spin_once(timeout_sec=0.01)
    output, _ = process.communicate(timeout=10)
    executor.shutdown()
    node.destroy_node()

    assert process.returncode == 0, output
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in images]
    assert stamps == 2 * [START_NS + i * PERIOD_NS for i in range(COUNT)]
    assert [m.data[0] for m in images] == 2 * list(range(COUNT))
    assert arrivals[COUNT - 1] - arrivals[0] > 0.9 * (COUNT - 1) * PERIOD_NS * 1e-9 / 2
    ticks = [tick.clock.sec * 10**9 + tick.clock.nanosec for tick in clock]
    assert set(stamps) <= set(ticks)
    assert min(ticks) >= START_NS
    assert sum(b < a for a, b in itertools.pairwise(ticks)) == 1
    assert '24/24' not in output  # a bar is for a terminal


@pytest.mark.parametrize(('arguments', 'text'), [
    (['nothing.mcap'], 'nothing.mcap: expected a bag, got no such file'),
    (['BAG', '--topics', '/other'], 'expected topic /other, got /camera/image_raw/compressed'),
    (['BAG', '--rate', '0'],
     'player: --rate: expected a positive number, got 0.0; see ddfnet play --help\n'),
    (['BAG', '--wait', 'nan'],
     'player: --wait: expected 0 (not at all) or more, got nan; see ddfnet play --help\n'),
    (['BAG', '--rat', '2'],
     'player: expected an option that there is, such as --rate, got --rat 2; see ddfnet play '
     '--help\n'),
])
def test_bad_arguments_are_one_message_and_exit_code_2(bag, arguments, text):
    process = play(*(bag if argument == 'BAG' else argument for argument in arguments))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert text in output
    assert 'Traceback' not in output


def test_what_was_recorded_as_latched_is_there_for_those_who_come_late(ros, tmp_path):
    offered = Qos(QosHistory.KEEP_LAST, 50, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
                  QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False)
    kind = 'std_msgs/msg/String'
    with BagWriter(tmp_path / 'latched.mcap') as writer:
        for name, qos in (('/latched', (offered,)), ('/spoken', ())):
            writer.declare(Topic(name, kind, 1, TYPES.generate_msgdef(kind, ros_version=2)[0],
                                 TYPES.hash_rihs01(kind), qos))
        for name, stamp_ns in (('/latched', 0), ('/spoken', 0), ('/spoken', 60 * 10**9)):
            writer.write_cdr(Message(name, kind, stamp_ns, TYPES.serialize_cdr(
                TYPES.types[kind](name), kind)))
    node, heard = Node('late'), []
    process = play(tmp_path / 'latched.mcap', '--wait', 0)
    try:
        deadline = time.monotonic() + 60
        while not node.get_publishers_info_by_topic('/spoken') and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.0)  # both were sent to nobody
        for name, durability in (('/latched', DurabilityPolicy.TRANSIENT_LOCAL),
                                 ('/spoken', DurabilityPolicy.VOLATILE)):
            (seen,) = node.get_publishers_info_by_topic(name)
            assert seen.qos_profile.durability == durability
            node.create_subscription(
                String, name, heard.append, QoSProfile(depth=1, durability=durability))
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while not heard and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
    finally:
        process.terminate()
        process.communicate(timeout=30)
        node.destroy_node()
    assert [message.data for message in heard] == ['/latched']


def test_an_endless_loop_over_nothing_ends(tmp_path):
    with BagWriter(tmp_path / 'empty.mcap'):
        pass
    process = play(tmp_path / 'empty.mcap', '--loop', 0, '--wait', 0.1)
    try:
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_nobody_listening_is_said_and_no_reason_to_hang(bag):
    process = play(bag, '--wait', 0.2, '--rate', 100)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'expected 1 subscriber(s) within 0.2 s, got 0' in output


def test_a_topic_whose_name_ros_2_does_not_allow_is_left_out(tmp_path):
    with BagWriter(tmp_path / 'old.mcap') as writer:
        for name in ('/camera/0/notes', OTHERS):
            writer.write(name, TYPES.types['std_msgs/msg/String'](data='other'), START_NS)
    process = play(tmp_path / 'old.mcap', '--wait', 0)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert '/camera/0/notes: expected a name that ROS 2 allows' in output
    assert 'Traceback' not in output


def test_a_recorded_clock_is_not_played_beside_our_own(ros, tmp_path):
    path = tmp_path / 'clock.mcap'
    with BagWriter(path) as writer:
        time_of = TYPES.types['builtin_interfaces/msg/Time']
        for stamp_ns in (START_NS, START_NS + PERIOD_NS):
            tick = TYPES.types['rosgraph_msgs/msg/Clock'](clock=time_of(sec=1, nanosec=0))
            writer.write('/clock', tick, stamp_ns)
            writer.write(OTHERS, TYPES.types['std_msgs/msg/String'](data='other'), stamp_ns)
    node, executor, heard = Node('listening_to_the_clock'), SingleThreadedExecutor(), []
    executor.add_node(node)
    node.create_subscription(Clock, '/clock', heard.append, 100)
    node.create_subscription(String, OTHERS, lambda _: None, 10)  # whom the player waits for
    player = play(path, '--clock', '--rate', '0.05')
    while player.poll() is None:
        executor.spin_once(timeout_sec=0.02)
    executor.shutdown()
    node.destroy_node()
    said = player.communicate()[0]
    assert heard, said
    assert {tick.clock.sec for tick in heard} == {START_NS // 10**9}
    assert '/clock: recorded, and asked for by --clock' in said


def test_a_topic_of_two_types_is_played_by_one_of_them(tmp_path):
    path = tmp_path / 'mixed.mcap'
    with BagWriter(path) as writer:
        types = TYPES.types
        writer.write('/mixed', types['std_msgs/msg/String'](data='a'), START_NS)
        writer.write('/mixed', types['std_msgs/msg/Float64'](data=1.0), START_NS + 1)
    player = play(path, '--wait', '0')
    said, _ = player.communicate(timeout=60)
    assert player.returncode == 0
    assert 'Traceback' not in said
    assert said.count('/mixed: expected std_msgs/msg/') == 1
