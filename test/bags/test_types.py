# SPDX-License-Identifier: Apache-2.0
import sqlite3

import pytest
from rosbags.interfaces import QosDurability
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ddfnet_ros.bags import TYPES, BagError, BagReader, BagWriter

ZEROS = f'RIHS01_{"0" * 64}'
ROS1 = get_typestore(Stores.ROS1_NOETIC)


@pytest.fixture
def chatter(tmp_path):
    """A bag of ROS 1 with one latched topic, and nothing that has a header."""
    path = tmp_path / 'chatter.bag'
    with Ros1Writer(path) as bag:
        text = ROS1.types['std_msgs/msg/String'](data='hello')
        topic = bag.add_connection('/map_name', text.__msgtype__, typestore=ROS1, latching=1)
        bag.write(topic, 5, ROS1.serialize_ros1(text, text.__msgtype__))
    return path


def copied(source, target):
    with BagReader(source) as bag, BagWriter(target) as copy:
        for topic in bag.describe_topics():
            copy.declare(topic)
        for message in bag.messages():
            copy.write_cdr(message)
    return target


def test_a_latched_topic_stays_there_for_those_who_come_late(chatter, tmp_path):
    with BagReader(copied(chatter, tmp_path / 'copy.mcap')) as bag:
        (topic,) = bag.describe_topics()
        assert [qos.durability for qos in topic.qos] == [QosDurability.TRANSIENT_LOCAL]
        assert bag.deserialise(next(bag.messages())).data == 'hello'


def test_types_that_only_their_fields_names_tell_apart_become_those_of_ros_2(record):
    with BagReader(record('ros1')) as bag:
        described = {topic.msgtype: topic for topic in bag.describe_topics()}
    kind = 'sensor_msgs/msg/CameraInfo'
    assert described[kind].digest == TYPES.hash_rihs01(kind)
    assert 'float64[9] k' in described[kind].definition


def test_a_bag_without_definitions_is_read_with_those_of_ros_2_and_keeps_the_rest(
        record, tmp_path):
    path = record('db3', odd=True)
    with sqlite3.connect(path) as database:
        database.execute('DELETE FROM message_definitions')
    with BagReader(path) as bag:
        described = {topic.name: topic for topic in bag.describe_topics()}
        raw = [bytes(m.cdr) for m in bag.messages(['/odd'])]
        image = bag.deserialise(next(bag.messages(['/cam/image_raw'])))
    assert (image.width, image.height) == (48, 32)
    assert described['/odd'].definition == ''
    with BagReader(copied(path, tmp_path / 'copy.mcap')) as bag:
        assert [bytes(m.cdr) for m in bag.messages(['/odd'])] == raw
        assert bag.deserialise(next(bag.messages(['/cam/image_raw']))).width == 48


@pytest.mark.parametrize('plugin', list(StoragePlugin))
@pytest.mark.parametrize('whole', [True, False])
def test_a_type_with_an_empty_definition_and_a_hash_of_zeros_is_unknown(plugin, whole, tmp_path):
    text = TYPES.types['std_msgs/msg/String']('hello')
    with Writer(tmp_path / 'bag', version=9, storage_plugin=plugin) as bag:
        odd = bag.add_connection('/odd', 'odd_msgs/msg/Odd', msgdef='', rihs01=ZEROS)
        bag.write(odd, 1, b'\0\1\0\0\1\0\0\0')
        known = bag.add_connection('/known', text.__msgtype__, typestore=TYPES)
        bag.write(known, 2, TYPES.serialize_cdr(text, text.__msgtype__))
    (file,) = (f for f in (tmp_path / 'bag').iterdir() if f.suffix != '.yaml')
    with BagReader(tmp_path / 'bag' if whole else file) as bag:
        assert bag.deserialise(next(bag.messages(['/known']))).data == 'hello'
        (described,) = (topic for topic in bag.describe_topics() if topic.name == '/odd')
        assert (described.definition, described.digest) == ('', ZEROS)
        with pytest.raises(BagError, match='expected a definition of odd_msgs/msg/Odd, got none'):
            bag.deserialise(next(bag.messages(['/odd'])))


def test_a_type_without_fields_is_known_by_its_hash(tmp_path):
    empty = TYPES.hash_rihs01('std_msgs/msg/Empty')
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.SQLITE3) as bag:
        bag.add_connection('/go', 'std_msgs/msg/Empty', msgdef='', rihs01=empty)
    with BagReader(tmp_path / 'bag') as bag:
        assert [topic.digest for topic in bag.describe_topics()] == [empty]
