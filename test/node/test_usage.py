# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.node import fuse_cameras, fuse_node, player, usage
from ddfnet_ros.settings import NodeSettings


@pytest.mark.parametrize(('program', 'begin'), [
    (fuse_node, 'usage: fuse_node [--ros-args'),
    (fuse_cameras, 'usage: fuse_cameras CAMERA... [--ros-args')])
@pytest.mark.parametrize('word', ['-h', '--help'])
def test_help_explains_every_parameter_and_starts_nothing(program, begin, word, capsys):
    assert program.main(['it', word]) == 0
    said = capsys.readouterr().out
    assert said.startswith(begin)
    assert not [name for name in NodeSettings.__dataclass_fields__ if f'  {name}: ' not in said]


def test_words_of_ros_are_no_question_for_help():
    words = ['it', '--ros-args', '-r', '__ns:=/{camera}', '--help']
    assert not usage.print_help_if_asked(words, 'it', '')


@pytest.mark.parametrize(('words', 'said'), [
    (['--params-file', 'nope.yaml'], 'expected a parameter file that can be read, got '
     '--params-file nope.yaml (Error opening YAML file); correct it'),
    (['--params-file', 'broken.yaml'], 'got --params-file broken.yaml ('),
    (['-p', 'image_topics=/a'], 'expected -p NAME:=VALUE with a VALUE of YAML, got '
     '-p image_topics=/a ('),
    (['-p', 'exposure_times:=[0.1, 1]'], 'a float needs a point: 1.0, not 1'),
    (['-r', '/a=/b'], 'expected -r FROM:=TO with names of ROS, got -r /a=/b ('),
    (['--log-level', 'loud'], 'expected a log level that can be read, got --log-level loud ('),
    (['--params-file'], 'No file path provided'),
    (['image_topics'], "expected arguments of ROS behind --ros-args, got 'image_topics'; "),
])
@pytest.mark.parametrize(('program', 'own'), [
    (fuse_node, []), (fuse_cameras, ['front', 'left']), (player, ['street.mcap'])])
def test_ros_arguments_that_cannot_be_read_are_one_line_and_exit_code_2(
        program, own, words, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'broken.yaml').write_text('a: [1\n b: }')
    assert program.main(['it', *own, '--ros-args', *words]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f'{program.__name__.rpartition(".")[2]}: ')
    assert said in line
    assert '.c:' not in line


@pytest.mark.parametrize(('program', 'words', 'first'), [
    (fuse_node, ['-p', 'image_topics:=/a'], '-p'),
    (fuse_node, ['front'], 'front'),
    (fuse_cameras, ['front', 'left', '--params-file', 'a.yaml'], '--params-file')])
def test_words_of_ros_without_ros_args_are_told_where_they_belong(program, words, first, capfd):
    assert program.main(['it', *words]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if 'expected' in line]
    assert line.endswith(f'; put --ros-args before {first}')
