# SPDX-License-Identifier: Apache-2.0
"""From messages over real DDS to complete brackets, without the fusion."""

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, JointState

from ddfnet_ros.node import inputs
from ddfnet_ros.node.diagnostics import Statistics
from ddfnet_ros.node.inputs import Inputs
from ddfnet_ros.node.messages import frame_from
from ddfnet_ros.settings import NodeSettings

from .conftest import EXPOSURES, header, image, metadata
from .input_bench import META, RGB, TOPIC

# JointState has a header, names and lists of numbers: enough for exposure, gain and counter.
FIELD = {'exposure_source': 'field', 'metadata_type': 'sensor_msgs/msg/JointState',
         'exposure_field': 'position.0', 'exposure_unit': 'ms', 'gain_field': 'velocity.0',
         'gain_unit': 'db', 'counter_field': 'name.0'}


def test_any_field_of_any_message_may_tell_exposures_gains_and_counters(inputs_with):
    bench = inputs_with(**FIELD, exposure_times=())
    for start_ns in range(10**9, 3 * 10**9, 3 * 10**7)[:8]:  # enough turns to know the levels
        bench.shoot(start_ns)
    frames = bench.next().bracket.frames
    assert [frame.exposure_time for frame in frames] == pytest.approx([0.001, 0.004, 0.016])
    assert [frame.gain for frame in frames] == pytest.approx([10, 10, 10])
    assert [frame.sequence_id - frames[0].sequence_id for frame in frames] == [0, 1, 2]
    np.testing.assert_array_equal(frames[0].pixels, RGB)


def test_one_topic_by_two_names_is_no_two_exposures(ros):
    node = Node('fuse_node')
    settings = NodeSettings(image_topics=(TOPIC, TOPIC[1:]), bracket_size=2)
    with pytest.raises(ValueError, match='image_topics: expected different names'):
        Inputs(node, settings, Statistics(), print)
    node.destroy_node()


def test_remappings_are_applied_once_so_that_two_cameras_may_change_places(ros):
    rules = ('left/image:=/right/image', '/right/image:=/left/image',
             'left/info:=/right/info', '/right/info:=/left/info')
    node = Node('fuse_node', cli_args=['--ros-args', *(w for rule in rules for w in ('-r', rule))])
    listening = Inputs(node, NodeSettings(image_topics=('left/image',), exposure_times=EXPOSURES,
                                          camera_info_topics=('left/info',)), Statistics(), print)
    listening.subscribe()
    assert listening.topics == ['/right/image']
    assert {s.topic_name for s in node.subscriptions} == {'/right/image', '/right/info'}
    listening.unsubscribe()
    node.destroy_node()


def test_metadata_and_images_may_match_by_counter(inputs_with):
    bench = inputs_with(**FIELD, image_counter_field='header.frame_id')
    for k, exposure in enumerate((1.0, 4.0, 16.0)):
        late = header(10**9 + k * 10**7 + 3 * 10**6)  # stamped when it was sent
        bench.send(META, JointState(header=late, position=[exposure], velocity=[0.0],
                                    name=[f'frame {6 + k}']))
        message = image(RGB, 10**9 + k * 10**7)
        message.header.frame_id = f'camera_{6 + k}'
        bench.send(TOPIC, message)
    assert bench.next().bracket.exposures == pytest.approx((0.001, 0.004, 0.016))
    assert not bench.drops


def test_each_image_topic_may_have_metadata_of_its_own(inputs_with):
    topics, metas = ('/short', '/mid', '/long'), ('/short/meta', '/mid/meta', '/long/meta')
    bench = inputs_with(**FIELD, image_topics=topics, metadata_topics=metas, cycle_period=0.1)
    for k, exposure in enumerate((1.0, 4.0, 16.0)):
        stamp = header(10**9 + k * 10**7)
        bench.send(metas[k], JointState(header=stamp, position=[exposure], velocity=[0.0],
                                        name=['0']))
        bench.send(topics[k], image(RGB, 10**9 + k * 10**7))
    assert bench.next().bracket.exposures == pytest.approx((0.001, 0.004, 0.016))


def test_metadata_are_not_lost_among_what_others_send_on_their_topic(inputs_with):
    bench = inputs_with(exposure_source='camera_ros')
    others = DiagnosticArray(status=[DiagnosticStatus(name='disk')])
    bench.send(META, others)
    for place, exposure in enumerate(EXPOSURES):
        stamp_ns = 10**9 + place * 10**7
        bench.publish(META, metadata(exposure, place, stamp_ns))
        for _ in range(20):  # of as many nodes, before the next message is taken
            bench.publish(META, others)
        bench.send(TOPIC, image(RGB, stamp_ns))
    assert bench.next().bracket.exposures == EXPOSURES


def test_a_unit_that_changes_is_refused_with_one_line_and_the_node_lives_on(inputs_with, capfd):
    bench = inputs_with(**FIELD)
    bench.shoot(10**9)
    bench.shoot(2 * 10**9, exposures=(1.0, 4.0, 16000.0))  # as if in microseconds
    bench.shoot(3 * 10**9)
    stamps = [bench.next().bracket.reference.stamp_ns for _ in range(2)]
    assert stamps == [10**9 + 10**7, 3 * 10**9 + 10**7]
    assert bench.drops['invalid'] == 1
    lines = [line for line in capfd.readouterr().err.splitlines()
             if 'as if in another unit' in line]
    assert len(lines) == 1
    assert 'check exposure_unit' in lines[0]


def test_metadata_without_a_counter_cost_their_images_and_not_the_node(inputs_with, capfd):
    counted = {name: value for name, value in FIELD.items() if name != 'counter_field'}
    bench = inputs_with(**counted, image_counter_field='header.frame_id')
    for k, exposure in enumerate((0.0, 0.0, 1.0)):  # twice not even a time
        bench.send(META, JointState(header=header(10**9 + k), position=[exposure],
                                    velocity=[0.0]))
    bench.spin(0.3)
    assert '~/meta: 0: expected a positive number' in capfd.readouterr().err
    assert bench.drops == {}  # frames are counted, not metadata


def test_a_bracket_was_received_before_its_last_frame_was_decoded(inputs_with, monkeypatch):
    def slow(*arguments):
        time.sleep(0.1)
        return frame_from(*arguments)

    monkeypatch.setattr('ddfnet_ros.node.inputs.frame_from', slow)
    bench = inputs_with(cycle_period=0.03)
    for k in range(3):
        bench.send(TOPIC, image(RGB, 3 * 10**9 + k * 10**7))
    delivery = bench.next()
    assert delivery.delivered_at - delivery.received_at >= 0.1


def test_metadata_without_the_field_is_refused_with_what_it_has(inputs_with, capfd):
    bench = inputs_with(**FIELD)
    bench.send(META, JointState(header=header(10**9), position=[]))
    bench.spin(0.1)
    assert '~/meta: expected position.0, got 0 elements' in capfd.readouterr().err
    assert bench.drops == {}  # frames are counted, not metadata
    bench.send(TOPIC, image(RGB, 10**9))
    bench.spin_until(lambda: bench.drops == {'invalid': 1}, 'the frame')


@pytest.mark.parametrize(('source', 'package'), [
    ('flir', 'flir_camera_msgs'), ('realsense', 'realsense2_camera_msgs'),
])
def test_a_source_that_is_not_installed_is_said_before_anything_is_subscribed(
        ros, source, package):
    node = Node('fuse_node')
    try:
        with pytest.raises(ValueError, match=f'expected the package {package} to be installed'):
            Inputs(node, NodeSettings(exposure_source=source), Statistics(), print)
    finally:
        node.destroy_node()


def test_the_camera_info_is_that_of_the_reference_frame(inputs_with):
    bench = inputs_with(cycle_period=0.03)
    for k in range(3):
        stamp_ns = 3 * 10**9 + k * 10**7
        bench.send('/camera/camera_info', CameraInfo(header=header(stamp_ns), width=100 + k))
        bench.send(TOPIC, image(RGB, stamp_ns))
    delivery = bench.next()
    assert delivery.camera_info.width == 101
    assert delivery.camera_info.header == header(delivery.bracket.reference.stamp_ns)


def test_message_filters_may_join_topics(inputs_with):
    pytest.importorskip('message_filters')
    topics = ('/short', '/mid', '/long')
    bench = inputs_with(image_topics=topics, sync='approximate', sync_slop=0.05)
    for start_ns in (10**9, 2 * 10**9):
        for k in range(3):
            bench.send(topics[k], image(RGB, start_ns + k * 10**7))
    brackets = [bench.next().bracket for _ in range(2)]
    assert [bracket.reference.stamp_ns for bracket in brackets] == [
        10**9 + 10**7, 2 * 10**9 + 10**7]
    assert brackets[0].exposures == EXPOSURES
    assert not bench.drops


def test_what_is_wrong_with_frames_is_logged_once_until_it_changes_or_begins_anew(
        inputs_with, monkeypatch, capfd):
    monkeypatch.setattr(inputs, '_LOG_PERIOD', 0.0)
    bench = inputs_with(**FIELD)

    def told(*changes, start_ns):
        for k, change in enumerate(changes):
            bench.send(TOPIC, image(RGB, start_ns + k * 10**7, **change))
        return [line for line in capfd.readouterr().err.splitlines() if 'expected' in line]

    short, wide = {'data': b'0'}, {'step': 3}
    assert len(told(short, short, short, start_ns=10**9)) == 1
    assert len(told(wide, wide, short, start_ns=2 * 10**9)) == 2
    bench.shoot(3 * 10**9)
    bench.next()
    assert len(told(short, short, start_ns=4 * 10**9)) == 1
    bench.inputs.reset('asked to')
    assert len(told(short, short, start_ns=5 * 10**9)) == 1


def test_what_was_not_logged_because_another_line_was_too_recent_is_logged_later(
        inputs_with, monkeypatch, capfd):
    monkeypatch.setattr(inputs, '_LOG_PERIOD', 1.0)
    bench = inputs_with(exposure_times=EXPOSURES)  # interleaved, of one topic
    bench.send(TOPIC, image(RGB, 10**9, data=b'0'))
    for k in range(100):  # no pause tells where a bracket begins
        bench.send(TOPIC, image(RGB, 2 * 10**9 + k * 10**7))
        bench.spin(0.02)
    told = capfd.readouterr().err
    assert 'bytes' in told
    assert 'set cycle_gap' in told
