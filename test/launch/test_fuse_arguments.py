# SPDX-License-Identifier: Apache-2.0
import dataclasses
import re
from pathlib import Path

import pytest

from ddfnet_ros.settings import NodeSettings

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize(('name', 'text'), [
    ('player', 'vlc'), ('preset', 'mars'), ('rate', '0'), ('rate', 'fast'), ('loop', '3'),
    ('delay', '-1'), ('foxglove', 'maybe'), ('rviz', 'maybe'), ('one_process', '2'),
])
def test_a_word_that_means_nothing_is_refused(name, text, arguments, given):
    with pytest.raises(RuntimeError, match=f'^{name}: '):
        arguments.value(given(**{name: text}), name)
