# SPDX-License-Identifier: Apache-2.0
"""The policy for SROS 2 allows what a real node has, and nothing else."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from rclpy.action import get_action_server_names_and_types_by_node
from rclpy.expand_topic_name import expand_topic_name

ROOT = Path(__file__).resolve().parents[2]
NODE, NAMESPACE = 'fuse_node', '/'
POLICY = ElementTree.parse(ROOT / 'config/sros2/policy.xml').getroot()
FUSE = yaml.safe_load((ROOT / 'config/fuse.yaml').read_text())['/**']['ros__parameters']


def allowed(kind, right):
    """Full names of the topics or services that the policy gives a right to."""
    names = [name.text for group in POLICY.iter(f'{kind}s') if group.get(right) == 'ALLOW'
             for name in group.iter(kind)]
    assert len(names) == len(set(names))
    return {expand_topic_name(name, NODE, NAMESPACE) for name in names}


@pytest.fixture(scope='module')
def real(ros, model, new_bench):
    """A node with the parameters of config/fuse.yaml, and metadata."""
    bench = new_bench(views={}, **FUSE | {
        'model': str(model), 'device': 'cpu', 'exposure_source': 'camera_ros'})
    yield bench.node
    bench.close()


@pytest.mark.parametrize(('kind', 'right', 'ask'), [
    ('topic', 'publish', 'get_publisher_names_and_types_by_node'),
    ('topic', 'subscribe', 'get_subscriber_names_and_types_by_node'),
    ('service', 'reply', 'get_service_names_and_types_by_node'),
    ('service', 'request', 'get_client_names_and_types_by_node')])
def test_the_policy_allows_exactly_what_the_node_has(real, kind, right, ask):
    assert {name for name, _ in getattr(real, ask)(NODE, NAMESPACE)} == allowed(kind, right)


def test_there_are_no_actions(real):
    assert get_action_server_names_and_types_by_node(real, NODE, NAMESPACE) == []
    assert not list(POLICY.iter('action'))


def test_the_policy_denies_by_silence():
    profile, = POLICY.iter('profile')
    assert (profile.get('ns'), profile.get('node')) == (NAMESPACE, NODE)
    assert {name for group in profile for name in group.attrib} <= {
        'publish', 'subscribe', 'reply', 'request'}
    assert '*' not in ElementTree.tostring(POLICY, encoding='unicode')
