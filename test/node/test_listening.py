# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Header

from ddfnet_ros.node import listening
from ddfnet_ros.node.listening import Listener

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
TOPIC = '/heard'
followed = pytest.mark.skipif(not hasattr(ReliabilityPolicy, 'BEST_AVAILABLE'),
                              reason='Humble listens best effort')


class Graph:
    """A listening node, and one that publishes."""

    def __init__(self, **overrides):
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        self.node, self.peer = Node('listener', parameter_overrides=parameters), Node('speaker')
        self.heard = []
        self._executor = SingleThreadedExecutor()
        for node in (self.node, self.peer):
            self._executor.add_node(node)

    def listen(self):
        return Listener(self.node, Header, TOPIC, self.heard.append, depth=5)

    def publisher(self, reliability):
        """A publisher that the listening node has seen."""
        publisher = self.peer.create_publisher(
            Header, TOPIC, QoSProfile(depth=5, reliability=reliability))
        self.spin_until(lambda: reliability in self.published())
        return publisher

    def published(self):
        return [info.qos_profile.reliability
                for info in self.node.get_publishers_info_by_topic(TOPIC)]

    def reliability(self):
        return [info.qos_profile.reliability
                for info in self.node.get_subscriptions_info_by_topic(TOPIC)]

    def spin_until(self, condition, timeout=20.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline
            self._executor.spin_once(timeout_sec=0.05)

    def close(self):
        self._executor.shutdown()
        self.node.destroy_node()
        self.peer.destroy_node()


@pytest.fixture
def graph_with(ros):
    graphs = []

    def make(**overrides):
        graphs.append(Graph(**overrides))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


@followed
@pytest.mark.parametrize('reliability', [RELIABLE, BEST_EFFORT])
def test_a_listener_is_as_reliable_as_the_publisher(graph_with, reliability):
    graph = graph_with()
    publisher = graph.publisher(reliability)
    graph.listen()
    assert graph.reliability() == [reliability]
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(Header(frame_id='1'))
    graph.spin_until(lambda: graph.heard)


@followed
@pytest.mark.parametrize('reliability', [RELIABLE, BEST_EFFORT])
def test_a_publisher_that_comes_later_is_followed_too(graph_with, reliability):
    graph = graph_with()
    graph.listen()
    publisher = graph.publisher(reliability)
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(Header(frame_id='1'))
    graph.spin_until(lambda: graph.heard)
    graph.spin_until(lambda: graph.reliability() == [reliability])


@followed
def test_a_publisher_that_comes_back_less_reliable_is_heard(graph_with):
    graph = graph_with()
    first = graph.publisher(RELIABLE)
    listener = graph.listen()
    graph.spin_until(first.get_subscription_count)
    graph.peer.destroy_publisher(first)
    second = graph.publisher(BEST_EFFORT)
    graph.spin_until(second.get_subscription_count)
    second.publish(Header(frame_id='2'))
    graph.spin_until(lambda: graph.heard)
    listener.close()
    graph.spin_until(lambda: not graph.node.count_subscribers(TOPIC))


@followed
def test_a_publisher_that_comes_back_more_reliable_is_followed(graph_with):
    graph = graph_with()
    first = graph.publisher(BEST_EFFORT)
    listener = graph.listen()
    listener.update_reliability()
    assert graph.reliability() == [BEST_EFFORT]
    graph.peer.destroy_publisher(first)
    second = graph.publisher(RELIABLE)
    graph.spin_until(lambda: graph.published() == [RELIABLE])
    listener.update_reliability()
    graph.spin_until(lambda: graph.reliability() == [RELIABLE])
    graph.spin_until(second.get_subscription_count)
    second.publish(Header(frame_id='2'))
    graph.spin_until(lambda: graph.heard)


@followed
def test_who_asks_for_reliable_is_told_of_a_publisher_that_is_not(graph_with, capfd):
    graph = graph_with(**{f'qos_overrides.{TOPIC}.subscription.reliability': 'reliable'})
    graph.listen()
    graph.publisher(BEST_EFFORT)
    said = ''

    def warned():
        nonlocal said
        said += capfd.readouterr().err
        return 'expected a reliable publisher, as qos_overrides says' in said

    graph.spin_until(warned)
    assert graph.reliability() == [RELIABLE]


def test_on_humble_every_listener_is_best_effort(graph_with, monkeypatch):
    monkeypatch.setattr(listening, '_LIKE_PUBLISHERS', BEST_EFFORT)
    graph = graph_with()
    graph.publisher(RELIABLE)
    graph.listen()
    assert graph.reliability() == [BEST_EFFORT]


def test_remappings_are_applied_once_as_for_any_subscription(graph_with):
    graph = graph_with()
    graph.peer.destroy_node()
    graph.peer = Node('chained', cli_args=[
        '--ros-args', '-r', f'{TOPIC}:=/moved', '-r', '/moved:=/moved_on'])
    listener = Listener(graph.peer, Header, TOPIC, graph.heard.append, depth=5)
    assert listener.topic == '/moved'
    assert [name for name, _ in graph.peer.get_topic_names_and_types() if 'moved' in name] \
        == ['/moved']


@followed
def test_one_that_is_closed_stays_closed_although_a_publisher_of_less_reliability_came(graph_with):
    graph = graph_with()
    listener = graph.listen()
    listener.close()
    listener._on_incompatible(None)  # it was on its way
    assert graph.node.get_subscriptions_info_by_topic(TOPIC) == []
