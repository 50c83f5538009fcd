# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import re
from pathlib import Path

import pytest

from ddfnet_ros.settings import NodeSettings

ROOT = Path(__file__).resolve().parents[2]


def one(arguments, given, **texts):
    """The only node, with what the arguments make of its parameters."""
    (fuser,) = arguments.fusers(given(**texts))
    return fuser


def test_every_parameter_argument_is_a_parameter_of_the_node(arguments):
    fields = {field.name for field in dataclasses.fields(NodeSettings)}
    assert set(arguments.PARAMETERS) <= fields | {'use_sim_time'}


def test_every_default_is_a_text_that_the_argument_takes(arguments, given):
    for name, argument in arguments.ARGUMENTS.items():
        if argument.default:
            arguments.value(given(), name)
        assert len(argument.description) > 10


def test_the_documentation_has_a_row_for_every_argument(arguments):
    rows = re.findall(r'^\| (`.*?) \|', (ROOT / 'doc/launch.md').read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r'`(\w+)`', row)}
    assert set(arguments.ARGUMENTS) <= named


def test_arguments_left_empty_override_nothing(arguments, given):
    fuser = one(arguments, given)
    assert (fuser.namespace, fuser.parameters, fuser.remappings) == ('/', [], [])
    assert one(arguments, given, params_file='mine.yaml').parameters == ['mine.yaml']


def test_arguments_that_are_given_come_after_the_parameter_file_in_their_own_type(
        arguments, given):
    file, values = one(
        arguments, given, params_file='mine.yaml', image_topics='/a, /b', exposure_times='[1, 4]',
        model='2', autostart='false', use_sim_time='true').parameters
    assert file == 'mine.yaml'
    assert values == {'image_topics': ['/a', '/b'], 'exposure_times': [1.0, 4.0], 'model': '2',
                      'autostart': False, 'use_sim_time': True}
    assert all(isinstance(value, float) for value in values['exposure_times'])


@pytest.mark.parametrize('text', ['/a', '[/a]', '["/a"]'])
def test_one_topic_may_be_written_as_a_list_or_not(text, arguments, given):
    assert one(arguments, given, image_topics=text).parameters == [{'image_topics': ['/a']}]


@pytest.mark.parametrize(('name', 'text'), [
    ('exposure_times', '[1, one]'), ('exposure_times', '[1, '), ('autostart', 'perhaps'),
    ('use_sim_time', '1'),
])
def test_a_value_of_the_wrong_type_is_one_line_with_what_was_expected(
        name, text, arguments, given):
    with pytest.raises(RuntimeError, match=f'^{name}: got .*; expected: ') as error:
        arguments.fusers(given(**{name: text}))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(('name', 'text'), [
    ('player', 'vlc'), ('preset', 'mars'), ('rate', '0'), ('rate', 'fast'), ('loop', '3'),
    ('delay', '-1'), ('foxglove', 'maybe'), ('rviz', 'maybe'), ('one_process', '2'),
])
def test_a_word_that_means_nothing_is_refused(name, text, arguments, given):
    with pytest.raises(RuntimeError, match=f'^{name}: '):
        arguments.value(given(**{name: text}), name)


def test_metadata_is_remapped(arguments, given):
    assert one(arguments, given, metadata_topic='/meta').remappings == [('~/meta', '/meta')]


@pytest.mark.parametrize('preset', ['ghent', 'backlight', 'highway'])
def test_a_preset_is_a_file_that_gives_way_to_the_users(preset, arguments, given):
    shipped, mine = one(arguments, given, preset=preset, params_file='mine.yaml').parameters
    assert mine == 'mine.yaml'
    assert Path(shipped) == ROOT / 'config' / f'{preset}.yaml'
    assert Path(shipped).is_file()


def test_there_is_one_node_per_camera_in_its_own_namespace(arguments, given):
    front, left = arguments.fusers(given(
        namespace='sensing', cameras='front, left', image_topics='/cam/{camera}/image_raw',
        metadata_topic='/cam/{camera}/meta', params_file='{camera}.yaml'))
    assert (front.namespace, left.namespace) == ('/sensing/front', '/sensing/left')
    assert front.parameters == ['front.yaml', {'image_topics': ['/cam/front/image_raw']}]
    assert left.remappings == [('~/meta', '/cam/left/meta')]
    assert left.image_topics == ['/cam/left/image_raw']


def test_relative_topics_of_several_cameras_lie_in_their_namespaces(arguments, given):
    front, left = arguments.fusers(given(cameras='[front, left]', image_topics='image_raw'))
    assert front.image_topics == ['/front/image_raw']
    assert left.image_topics == ['/left/image_raw']


@pytest.mark.parametrize(('texts', 'said'), [
    ({'cameras': 'a, b', 'image_topics': '/image'}, r'^image_topics: expected {camera} in it'),
    ({'cameras': 'a, b', 'image_topics': '["/image"]'}, r'^image_topics: expected {camera}'),
    ({'cameras': 'a, a'}, '^cameras: expected different names'),
    ({'cameras': 'a/b'}, '^cameras: expected different names of letters'),
    ({'image_topics': '/{camera}/image'}, '^image_topics: got .* without cameras'),
])
def test_cameras_that_would_read_the_same_or_nothing_are_refused(texts, said, arguments, given):
    with pytest.raises(RuntimeError, match=said):
        arguments.fusers(given(**texts))


def test_cameras_in_one_process_get_their_names_and_parameters_of_their_own(arguments, given):
    texts = given(
        namespace='sensing', cameras='front, left', image_topics='/cam/{camera}/image_raw',
        metadata_topic='/cam/{camera}/meta', preset='ghent', params_file='{camera}.yaml')
    written = []
    started = arguments.shared_process(
        texts, arguments.fusers(texts), lambda text: written.append(text) or 'own.yaml')
    assert (started['executable'], started['arguments']) == ('fuse_cameras', ['front', 'left'])
    assert started['remappings'] == [('~/meta', '/cam/{camera}/meta')]
    assert started['ros_arguments'] == [
        '-r', '__ns:=/sensing/{camera}', '--params-file', str(ROOT / 'config/ghent.yaml'),
        '--params-file', '{camera}.yaml', '--params-file', 'own.yaml']
    # Named in full, because a file of the user's that names the node would win over `/**`.
    assert [json.loads(text) for text in written] == [{
        f'/sensing/{name}/fuse_node': {
            'ros__parameters': {'image_topics': [f'/cam/{name}/image_raw']}}
        for name in ('front', 'left')}]


def test_cameras_in_one_process_without_arguments_override_nothing(arguments, given):
    texts = given(cameras='front, left')
    started = arguments.shared_process(texts, arguments.fusers(texts), pytest.fail)
    assert started['ros_arguments'] == ['-r', '__ns:=/{camera}']


def test_one_process_of_no_cameras_is_refused(arguments, given):
    texts = given(one_process='true')
    with pytest.raises(RuntimeError, match=r'^one_process: expected the names of the cameras'):
        arguments.shared_process(texts, arguments.fusers(texts), pytest.fail)


def test_a_bag_means_its_clock_unless_said_otherwise(arguments, given):
    assert one(arguments, given, bag='x.mcap').parameters == [{'use_sim_time': True}]
    assert one(arguments, given, bag='x', use_sim_time='false').parameters == [
        {'use_sim_time': False}]


def test_images_of_a_bag_that_must_not_be_lost_are_asked_for_reliably(arguments, given):
    (values,) = one(arguments, given, bag='x', image_topics='image', namespace='cam',
                    bag_qos='reliable').parameters
    assert values['qos_overrides./cam/image.subscription.reliability'] == 'reliable'


def test_reliable_images_are_what_the_override_file_says(arguments, given):
    file, text = arguments.qos_overrides(given(bag_qos='reliable'), ['/a', '/b'])
    assert not file
    assert set(json.loads(text)) == {'/a', '/b'}
    assert json.loads(text)['/b']['reliability'] == 'reliable'


def test_an_override_file_of_the_users_is_taken(arguments, given, tmp_path):
    mine = tmp_path / 'qos.yaml'
    mine.write_text('')
    assert arguments.qos_overrides(given(bag_qos=str(mine)), []) == (str(mine), '')
    assert arguments.qos_overrides(given(), []) == ('', '')


@pytest.mark.parametrize(('wish', 'said'), [
    ('absent.yaml', 'expected recorded, reliable or a YAML file'),
    ('reliable', 'expected the topics'),
])
def test_overrides_that_cannot_be_are_refused(wish, said, arguments, given):
    with pytest.raises(RuntimeError, match=said):
        arguments.qos_overrides(given(bag_qos=wish), [])


def test_rosbag2_gives_the_node_time_to_start_where_nothing_comes_again(arguments, given):
    for delay, loop, words in [('10', 'false', ['--delay', '10']), ('0', 'false', []),
                               ('10', 'true', [])]:
        options = arguments.play_options(given(bag='x', delay=delay, loop=loop), True, '')
        assert [word for word in options if word in ('--delay', '10')] == words
    assert '--delay' in arguments.play_options(given(bag='x'), True, '')
    assert '--delay' not in arguments.play_options(given(bag='x'), False, '')  # it waits itself


@pytest.mark.parametrize(('bag', 'player', 'installed', 'rosbag2'), [
    ('x.mcap', 'auto', True, True), ('x.mcap', 'auto', False, False),
    ('x.bag', 'auto', True, False), ('x.bag', 'ddfnet', True, False),
    ('x.mcap', 'ddfnet', True, False), ('x.mcap', 'rosbag2', False, True),
])
def test_whoever_can_play_the_bag_plays_it(bag, player, installed, rosbag2, arguments, given):
    assert arguments.by_rosbag2(given(bag=bag, player=player), installed) == rosbag2


def test_a_bag_of_ros_1_is_nothing_for_rosbag2(arguments, given):
    with pytest.raises(RuntimeError, match=r'^player: expected ddfnet or auto .*x\.bag$'):
        arguments.by_rosbag2(given(bag='x.bag', player='rosbag2'), True)


def test_both_players_get_the_clock_the_rate_and_the_loop(arguments, given):
    texts = given(bag='x.mcap', rate='0.5', loop='true')
    assert arguments.play_options(texts, True, 'qos.yaml') == [
        'x.mcap', '--clock', '--rate', '0.5', '--loop', '--qos-profile-overrides-path', 'qos.yaml']
    assert arguments.play_options(texts, False, '') == [
        'x.mcap', '--clock', '--rate', '0.5', '--loop', '0']
    assert arguments.play_options(given(bag='x'), False, '')[-2:] == ['--loop', '1']
    assert '--loop' not in arguments.play_options(given(bag='x'), True, '')
