# SPDX-License-Identifier: Apache-2.0
"""The launch file. What needs launch itself is skipped where there is no ROS distribution."""

import ast
import dataclasses
import importlib.util
from pathlib import Path

import pytest

from ddfnet_ros.settings import NodeSettings

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / 'launch' / 'fuse.launch.py'
ARGUMENTS = {
    'namespace', 'image_topics', 'exposure_times', 'exposure_source', 'model', 'device',
    'params_file', 'use_sim_time', 'bag', 'player', 'autostart', 'python', 'dds_profile',
    'metadata_topic',
}


def constant(name):
    """A dictionary of the launch file, read without running it."""
    for statement in ast.parse(FILE.read_text()).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == name:
            return ast.literal_eval(statement.value)
    raise LookupError(name)


def test_every_argument_is_there_and_described():
    arguments = constant('PARAMETERS') | constant('OTHERS')
    assert set(arguments) == ARGUMENTS
    assert all(len(description) > 10 for description in arguments.values())


def test_every_parameter_argument_is_a_parameter_of_the_node():
    fields = {field.name for field in dataclasses.fields(NodeSettings)}
    assert set(constant('PARAMETERS')) <= fields | {'use_sim_time'}


@pytest.fixture
def launch_file():
    pytest.importorskip('launch_ros')  # not launch: that is also the name of our own folder
    spec = importlib.util.spec_from_file_location('fuse_launch', FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def given(**values):
    return dict.fromkeys(ARGUMENTS, '') | {'player': 'auto'} | values


def test_arguments_left_empty_override_nothing(launch_file):
    assert launch_file.parameters(given()) == []
    assert launch_file.parameters(given(params_file='mine.yaml')) == ['mine.yaml']


def test_arguments_that_are_given_come_after_the_parameter_file_in_their_own_type(launch_file):
    file, values = launch_file.parameters(given(
        params_file='mine.yaml', image_topics='/a, /b', exposure_times='[1, 4]', model='2',
        autostart='false', use_sim_time='true'))
    assert file == 'mine.yaml'
    assert values == {'image_topics': ['/a', '/b'], 'exposure_times': [1.0, 4.0], 'model': '2',
                      'autostart': False, 'use_sim_time': True}
    assert all(isinstance(value, float) for value in values['exposure_times'])


@pytest.mark.parametrize('text', ['/a', '[/a]', '["/a"]'])
def test_one_topic_may_be_written_as_a_list_or_not(launch_file, text):
    assert launch_file.parameters(given(image_topics=text)) == [{'image_topics': ['/a']}]


@pytest.mark.parametrize(('name', 'text'), [
    ('exposure_times', '[1, one]'), ('exposure_times', '[1, '), ('autostart', 'perhaps'),
])
def test_a_value_of_the_wrong_type_is_one_line_with_what_was_expected(launch_file, name, text):
    with pytest.raises(RuntimeError, match=f'^{name}: got .*; expected: ') as error:
        launch_file.parameters(given(**{name: text}))
    assert '\n' not in str(error.value)


def test_a_bag_means_its_clock_unless_said_otherwise(launch_file):
    assert launch_file.parameters(given(bag='x.mcap')) == [{'use_sim_time': True}]
    assert launch_file.parameters(given(bag='x', use_sim_time='false')) == [
        {'use_sim_time': False}]


def test_a_profile_is_a_file_that_is_there(launch_file):
    file = ROOT / 'config' / 'fastdds_local.xml'
    assert set(launch_file.environment(str(file)).values()) == {str(file)}
    assert launch_file.environment('') == {}
    with pytest.raises(RuntimeError, match='dds_profile: expected shm, local or an XML file'):
        launch_file.environment('nothing.xml')


def test_an_unknown_player_is_refused(launch_file):
    with pytest.raises(RuntimeError, match='player: expected auto, rosbag2 or ddfnet'):
        launch_file.players(given(player='vlc'), {})
