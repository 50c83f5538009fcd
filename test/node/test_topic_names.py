# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from ddfnet_ros.node.topic_names import full_names

REFUSED = {  # and why
    '': 'topic name must not be empty string',
    'a b': 'topic name must not contain characters other than alphanumerics',
    '//x': "topic name must not contain repeated '/'",
    '1abc': 'topic name token must not start with a number',
    'image_raw/': 'topic name must not end with a forward slash',
    '{camera}/image_raw': 'unknown substitution: {camera}',
}


@pytest.fixture
def node(ros):
    node = Node('fuse_node', namespace='/front', cli_args=['--ros-args', '-r', 'a:=/b'])
    yield node
    node.destroy_node()


@pytest.mark.parametrize(('topic', 'why'), REFUSED.items())
def test_a_name_that_ros_refuses_is_one_line_with_the_parameter(node, topic, why):
    with pytest.raises(ValueError, match=re.escape(why)) as error:
        full_names(node, 'metadata_topics', ['~/meta', topic])
    said = str(error.value)
    assert said.startswith(f'metadata_topics: expected names of topics, got {topic!r} (')
    assert said.endswith('); correct metadata_topics')
    assert '.c:' not in said  # nor places in the source of ROS
    assert '\n' not in said


def test_names_are_those_of_the_node_with_its_remappings(node):
    assert full_names(node, 'image_topics', ('a', '~/a', 'c', '/c')) == [
        '/b', '/front/fuse_node/a', '/front/c', '/c']


@pytest.mark.parametrize('parameter', ['image_topics', 'metadata_topics', 'camera_info_topics'])
def test_the_node_refuses_such_a_name_when_it_is_configured(bench_with, capfd, parameter):
    bench = bench_with(start=False, **{parameter: ['1abc']})
    bench.node.start()
    said = f"cannot configure: {parameter}: expected names of topics, got '1abc' ("
    (line,) = [line for line in capfd.readouterr().err.splitlines() if '1abc' in line]
    assert said in line
    counts = bench.counts()
    assert counts['level'] == DiagnosticStatus.ERROR
    assert counts['message'].startswith(said)
    assert not any(subscription.topic_name.endswith('1abc')
                   for subscription in bench.node.subscriptions)
