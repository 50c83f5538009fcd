# SPDX-License-Identifier: Apache-2.0
import dataclasses
import re

import pytest
import rclpy
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter

from ddfnet_ros.node.parameters import LiveSettings, unknown_overrides
from ddfnet_ros.settings import NodeSettings


@pytest.fixture
def node_with(ros):
    """Makes nodes that were started with given parameters."""
    nodes = []

    def make(**overrides):
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        nodes.append(Node('parameters', parameter_overrides=parameters))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()


def reason_of(node, name, value):
    (result,) = node.set_parameters([Parameter(name, value=value)])
    return '' if result.successful else result.reason


def test_without_overrides_the_settings_are_the_defaults(node_with):
    assert LiveSettings(node_with(), NodeSettings).now == NodeSettings()


def test_overrides_of_every_type_arrive(node_with):
    node = node_with(mu=100.0, threads=2, autostart=False, model='base', reference=1,
                     exposure_times=[0.5, 1.0], image_topics=['/a', '/b'])
    assert LiveSettings(node, NodeSettings).now == NodeSettings(
        mu=100.0, threads=2, autostart=False, model='base', reference=1,
        exposure_times=(0.5, 1.0), image_topics=('/a', '/b'))


def test_a_number_or_a_word_arrives_as_what_it_is(node_with):
    for value in (2, 'latest'):
        assert LiveSettings(node_with(reference=value), NodeSettings).now.reference == value


def test_every_field_is_a_described_parameter_and_read_only_unless_live(node_with):
    node = node_with()
    LiveSettings(node, NodeSettings)
    for field in dataclasses.fields(NodeSettings):
        descriptor = node.describe_parameter(field.name)
        assert descriptor.description == field.metadata['description']
        assert descriptor.read_only is not field.metadata['live']


def test_the_bounds_of_every_number_are_described(node_with):
    node = node_with()
    LiveSettings(node, NodeSettings)
    for field in dataclasses.fields(NodeSettings):
        descriptor = node.describe_parameter(field.name)
        told = [*descriptor.integer_range, *descriptor.floating_point_range,
                *filter(None, [descriptor.additional_constraints])]
        assert bool(told) is bool(field.metadata['bounds'] or field.metadata['choices'])
    assert (node.describe_parameter('exposure_times').additional_constraints
            == 'Each 1e-07 to 60')


def test_empty_lists_keep_their_type(node_with):
    node = node_with()
    LiveSettings(node, NodeSettings)
    assert node.describe_parameter('exposure_times').type == ParameterType.PARAMETER_DOUBLE_ARRAY
    assert (node.describe_parameter('camera_info_topics').type
            == ParameterType.PARAMETER_STRING_ARRAY)


def test_all_parameters_are_told_at_once_as_for_a_dump(node_with):
    node = node_with()
    LiveSettings(node, NodeSettings)
    names = [field.name for field in dataclasses.fields(NodeSettings)]
    request = GetParameters.Request(names=names)
    answer = node._parameter_service._get_parameters_callback(request, GetParameters.Response())
    assert len(answer.values) == len(names)
    assert list(node.get_parameter('exposure_times').value) == []
    assert node.get_parameter('metadata_topics').value == []
    assert 'read-only' in reason_of(node, 'exposure_times', [1.0, 4.0])


def test_a_live_parameter_changes_the_settings(node_with):
    node = node_with()
    live = LiveSettings(node, NodeSettings)
    before = live.now
    assert reason_of(node, 'mu', 10.0) == ''
    assert (live.now.mu, before.mu) == (10.0, 5000.0)


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('tone_map', 'sepia',
     "tone_map: expected one of mu, mu_colour, reinhard, drago, key, got 'sepia'"),
    ('mu', 0.5, 'mu out of range'),
    ('mu', float('nan'), 'mu'),
    ('mu', 5, 'Wrong parameter type'),
    ('reference', 'latest', 'read-only parameter: reference'),
    ('device', 'cuda', 'read-only parameter: device'),
    ('batch_wait_ms', [1], 'expected a whole number of 0 to 1000, or auto, got (1,)'),
    ('batch_wait_ms', ['auto'], "a whole number of 0 to 1000, or auto, got ('auto',)"),
])
def test_a_refusal_says_why_and_changes_nothing(node_with, name, value, reason):
    node = node_with()
    live = LiveSettings(node, NodeSettings)
    assert reason in reason_of(node, name, value)
    assert reason_of(node, name, value) != ''
    assert live.now == NodeSettings()


def test_a_parameter_is_not_deleted(node_with):
    node = node_with(batch_wait_ms=3)
    live = LiveSettings(node, NodeSettings)
    assert 'batch_wait_ms: expected a value, got none' in reason_of(node, 'batch_wait_ms', None)
    assert node.get_parameter('batch_wait_ms').value == live.now.batch_wait_ms == 3


@pytest.mark.parametrize('error', [ValueError, FileNotFoundError])
def test_the_owner_may_refuse_what_the_settings_allow(node_with, error):
    def allow(settings):
        if settings.mu == 10.0:
            raise error('not\n10')

    node = node_with()
    live = LiveSettings(node, NodeSettings, allow=allow)
    assert reason_of(node, 'mu', 10.0) == 'not 10'
    assert reason_of(node, 'mu', 20.0) == ''
    assert live.now.mu == 20.0


@pytest.mark.parametrize('humble', [False, True])
def test_the_owner_is_told_of_every_change(node_with, monkeypatch, humble):
    if humble:
        monkeypatch.delattr(Node, 'add_post_set_parameters_callback', raising=False)
    told = []
    node = node_with()
    live = LiveSettings(
        node, NodeSettings, changed=lambda now, names: told.append((now.mu, live.now.mu, names)))
    reason_of(node, 'mu', 10.0)
    reason_of(node, 'mu', 0.5)
    assert told == [(10.0, 10.0, {'mu'})]


def test_a_set_that_another_callback_refuses_changes_nothing(node_with):
    node = node_with()
    live = LiveSettings(node, NodeSettings)
    refuse = rclpy.node.SetParametersResult(successful=False, reason='no')
    node.add_on_set_parameters_callback(lambda _: refuse)
    assert reason_of(node, 'mu', 10.0) == 'no'
    assert live.now.mu == 5000.0


def test_where_nothing_can_be_called_afterwards_a_set_still_arrives(node_with, monkeypatch):
    monkeypatch.delattr(Node, 'add_post_set_parameters_callback', raising=False)  # Humble
    node = node_with()
    live = LiveSettings(node, NodeSettings)
    assert reason_of(node, 'mu', 10.0) == ''
    assert live.now.mu == 10.0


@pytest.mark.parametrize(('overrides', 'text'), [
    ({'exposure_times': [1, 4]}, '1.0, not 1'),
    ({'mu': 5}, '1.0, not 1'),
    ({'exposure_times': 4}, 'a list needs brackets: "[4]"'),
    ({'image_topics': '/a'}, 'STRING_ARRAY\': image_topics; a list needs brackets: "[/a]"'),
    ({'threads': 2.0}, 'threads; correct it'),
    ({'mu': 0.5}, 'mu out of range'),
    ({'exposure_times': [0.0, 1.0]}, 'exposure_times: expected 1e-07 to 60.0, got 0.0'),
    ({'reference': 10}, 'reference out of range'),
    ({'reference': 2.0}, 'reference: expected a whole number of 0 to 9, or latest, got 2.0'),
    ({'reference': [2]}, 'reference: expected a whole number of 0 to 9, or latest, got (2,)'),
    ({'reference': True}, 'reference: expected a whole number of 0 to 9, or latest, got True'),
    ({'reference': 'newest'}, "expected a whole number of 0 to 9, or latest, got 'newest'"),
    ({'transport': 'pigeon'}, 'transport: expected one of auto, raw, compressed'),
    ({'image_topics': ['/a', '/b']}, 'image_topics: expected 1 topic or one per exposure (3)'),
    ({'image_topics': ['/a', '/a', '/b']}, 'image_topics: expected different names'),
    ({'camera_info_topics': ['/a', '/b']}, 'camera_info_topics: expected none or one'),
])
def test_bad_values_at_the_start_are_one_error(node_with, overrides, text):
    with pytest.raises(ValueError, match=re.escape(text)) as error:
        LiveSettings(node_with(**overrides), NodeSettings)
    assert '\n' not in str(error.value)


def test_parameters_of_others_are_left_alone(node_with):
    node = node_with()
    live = LiveSettings(node, NodeSettings)
    node.declare_parameter('other', 1)
    assert reason_of(node, 'other', 2) == ''
    assert live.now == NodeSettings()


@pytest.mark.parametrize(('overrides', 'said'), [
    ({'threads': 2, 'use_sim_time': False, 'start_type_description_service': True,
      'qos_overrides./fuse_node/hdr.publisher.depth': 1}, ''),
    ({'image_topic': ['/a']},
     'expected parameters of the node, such as image_topics, got image_topic; ignored'),
    ({'camera_infos_topics': ['/a']},
     'expected parameters of the node, such as camera_info_topics, got camera_infos_topics; '
     'ignored'),
    ({'aperture': 2.0, 'thread': 2},
     'expected parameters of the node, such as threads, got thread, aperture; ignored'),
    ({f'zz{k}': k for k in range(7)},
     'expected parameters of the node, got zz0, zz1, zz2, zz3, zz4 and 2 more; ignored'),
])
def test_overrides_that_are_no_parameters_are_one_line_with_the_nearest_names(
        node_with, overrides, said):
    node = node_with(**overrides)
    LiveSettings(node, NodeSettings)
    assert unknown_overrides(node) == said
