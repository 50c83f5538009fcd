# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.node import fuse_cameras, fuse_node, usage
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
