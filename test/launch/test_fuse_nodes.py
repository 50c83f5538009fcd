# SPDX-License-Identifier: Apache-2.0
import json
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def one(nodes, given, **texts):
    """The only node, with what the arguments make of its parameters."""
    (fuser,) = nodes.fusers(given(**texts))
    return fuser


def test_arguments_left_empty_override_nothing(nodes, given):
    fuser = one(nodes, given)
    assert (fuser.namespace, fuser.parameters, fuser.remappings) == ('/', [], [])
    assert one(nodes, given, params_file='mine.yaml').parameters == ['mine.yaml']


def test_arguments_that_are_given_come_after_the_parameter_file_in_their_own_type(
        nodes, given):
    file, values = one(
        nodes, given, params_file='mine.yaml', image_topics='/a, /b', exposure_times='[1, 4]',
        model='2', autostart='false', use_sim_time='true').parameters
    assert file == 'mine.yaml'
    assert values == {'image_topics': ['/a', '/b'], 'exposure_times': [1.0, 4.0], 'model': '2',
                      'autostart': False, 'use_sim_time': True}
    assert all(isinstance(value, float) for value in values['exposure_times'])


@pytest.mark.parametrize('text', ['/a', '[/a]', '["/a"]'])
def test_one_topic_may_be_written_as_a_list_or_not(text, nodes, given):
    assert one(nodes, given, image_topics=text).parameters == [{'image_topics': ['/a']}]


@pytest.mark.parametrize(('name', 'text'), [
    ('exposure_times', '[1, one]'), ('exposure_times', '[1, '), ('autostart', 'perhaps'),
    ('use_sim_time', '1'),
])
def test_a_value_of_the_wrong_type_is_one_line_with_what_was_expected(
        name, text, nodes, given):
    with pytest.raises(RuntimeError, match=f'^{name}: got .*; expected: ') as error:
        nodes.fusers(given(**{name: text}))
    assert '\n' not in str(error.value)


def test_a_parameter_file_of_the_user_s_home_is_found(nodes, given, monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert one(nodes, given, params_file='~/mine.yaml').files == [str(tmp_path / 'mine.yaml')]


@pytest.mark.parametrize('file', ['nothing.yaml', '~/nothing.yaml', '/'])
def test_a_parameter_file_that_is_not_there_is_one_line(file, nodes, given):
    with pytest.raises(RuntimeError, match=r'^params_file: expected a YAML file, got '):
        nodes.fusers(given(params_file=file))


@pytest.mark.parametrize(('pushed', 'namespace', 'expected'), [
    ('', '', '/'), ('', 'front', '/front'), ('/cam', '', '/cam'), ('/cam', 'front', '/cam/front'),
    ('/cam', '/front', '/front')])
def test_namespaces_that_are_pushed_are_kept(pushed, namespace, expected, nodes, given):
    assert one(nodes, given, namespace=nodes.within(pushed, namespace)).namespace == expected


def test_an_interpreter_is_found_or_refused(nodes, monkeypatch, tmp_path):
    python = tmp_path / 'my venv' / 'python3'
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert nodes.interpreter('') == ''
    assert shlex.split(nodes.interpreter('~/my venv/python3')) == [str(python)]
    assert nodes.interpreter(sys.executable) == sys.executable
    with pytest.raises(RuntimeError, match=r"^python: expected an interpreter, got '/no/python'"):
        nodes.interpreter('/no/python')


def test_metadata_is_remapped(nodes, given):
    assert one(nodes, given, metadata_topic='/meta').remappings == [('~/meta', '/meta')]


@pytest.mark.parametrize('preset', ['ghent', 'backlight', 'highway'])
def test_a_preset_is_a_file_that_gives_way_to_the_users(preset, nodes, given):
    shipped, mine = one(nodes, given, preset=preset, params_file='mine.yaml').parameters
    assert mine == 'mine.yaml'
    assert Path(shipped) == ROOT / 'config' / f'{preset}.yaml'
    assert Path(shipped).is_file()


def test_there_is_one_node_per_camera_in_its_own_namespace(nodes, given):
    front, left = nodes.fusers(given(
        namespace='sensing', cameras='front, left', image_topics='/cam/{camera}/image_raw',
        metadata_topic='/cam/{camera}/meta', params_file='{camera}.yaml'))
    assert (front.namespace, left.namespace) == ('/sensing/front', '/sensing/left')
    assert front.parameters == ['front.yaml', {'image_topics': ['/cam/front/image_raw']}]
    assert left.remappings == [('~/meta', '/cam/left/meta')]
    assert left.image_topics == ['/cam/left/image_raw']


def test_relative_topics_of_several_cameras_lie_in_their_namespaces(nodes, given):
    front, left = nodes.fusers(given(cameras='[front, left]', image_topics='image_raw'))
    assert front.image_topics == ['/front/image_raw']
    assert left.image_topics == ['/left/image_raw']


@pytest.mark.parametrize(('texts', 'said'), [
    ({'cameras': 'a, b', 'image_topics': '/image'}, r'^image_topics: expected {camera} in it'),
    ({'cameras': 'a, b', 'image_topics': '["/image"]'}, r'^image_topics: expected {camera}'),
    ({'cameras': 'a, a'}, '^cameras: expected different names'),
    ({'cameras': 'a/b'}, '^cameras: expected different names of letters'),
    ({'image_topics': '/{camera}/image'}, '^image_topics: got .* without cameras'),
])
def test_cameras_that_would_read_the_same_or_nothing_are_refused(texts, said, nodes, given):
    with pytest.raises(RuntimeError, match=said):
        nodes.fusers(given(**texts))


def test_cameras_in_one_process_get_their_names_and_parameters_of_their_own(nodes, given):
    texts = given(
        namespace='sensing', cameras='front, left', image_topics='/cam/{camera}/image_raw',
        metadata_topic='/cam/{camera}/meta', preset='ghent', params_file='{camera}.yaml')
    written = []
    started = nodes.shared_process(
        texts, nodes.fusers(texts), lambda text: written.append(text) or 'own.yaml')
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


def test_cameras_in_one_process_without_arguments_override_nothing(nodes, given):
    texts = given(cameras='front, left')
    started = nodes.shared_process(texts, nodes.fusers(texts), pytest.fail)
    assert started['ros_arguments'] == ['-r', '__ns:=/{camera}']


def test_one_process_of_no_cameras_is_refused(nodes, given):
    texts = given(one_process='true')
    with pytest.raises(RuntimeError, match=r'^one_process: expected the names of the cameras'):
        nodes.shared_process(texts, nodes.fusers(texts), pytest.fail)


def test_a_bag_means_its_clock_unless_said_otherwise(nodes, given):
    assert one(nodes, given, bag='x.mcap').parameters == [{'use_sim_time': True}]
    assert one(nodes, given, bag='x', use_sim_time='false').parameters == [
        {'use_sim_time': False}]


def test_images_of_a_bag_that_must_not_be_lost_are_asked_for_reliably(nodes, given):
    (values,) = one(nodes, given, bag='x', image_topics='image', namespace='cam',
                    bag_qos='reliable').parameters
    assert values['qos_overrides./cam/image.subscription.reliability'] == 'reliable'


def test_the_camera_may_stand_anywhere_in_the_namespace(nodes, given):
    arguments = given(namespace='/sensing/{camera}/hdr', cameras='front, left')
    assert [fuser.namespace for fuser in nodes.fusers(arguments)] == [
        '/sensing/front/hdr', '/sensing/left/hdr']
    with pytest.raises(RuntimeError, match=r'namespace: got .* without cameras'):
        nodes.fusers(given(namespace='/sensing/{camera}'))
