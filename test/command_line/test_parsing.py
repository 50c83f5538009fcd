# SPDX-License-Identifier: Apache-2.0
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from ddfnet_ros.cli.options import as_options
from ddfnet_ros.command_line.parsing import parse
from ddfnet_ros.settings import NodeSettings


@dataclass(frozen=True, kw_only=True)
class Options:
    output: Path
    size: Annotated[int, tyro.conf.arg(aliases=['-s'])] = 1
    kind: tuple[Literal['a', 'b/c'], ...] = ()
    settings: Annotated[NodeSettings, as_options(NodeSettings)] = field(
        default_factory=NodeSettings)

    def __post_init__(self):
        if self.size > 9:
            raise ValueError(f'size: expected 9 at most, got {self.size} for {self.output}')


@dataclass(frozen=True, kw_only=True)
class Ship:
    run: tyro.conf.Positional[Path]
    """Folder of a run."""
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar='MODEL')]
    """Model file."""


@dataclass(frozen=True, kw_only=True)
class Slim:
    run: tyro.conf.Positional[Path]


@dataclass(frozen=True, kw_only=True)
class Tasks:
    task: Annotated[Ship | Slim, tyro.conf.arg(name='')]


LONG = 'very_' * 60 + 'long'


@pytest.mark.parametrize('encoding', ['utf-8', 'ascii'])
@pytest.mark.parametrize(('options', 'words', 'said'), [
    (Options, '', 'expected --output PATH, got none'),
    (Options, '--gama 3', 'expected --output PATH, got --gama 3'),
    (Options, '--output', '--output: expected a value, got none'),
    (Options, '--output o --gama 2',
     'expected an option that there is, such as --gamma, got --gama 2'),
    (Options, '--output o --frobnicate=3', 'expected an option that there is, got --frobnicate=3'),
    (Options, '--output o b', 'expected no more words, got b'),
    (Options, '--output o --kind x', "--kind: expected one of a, b/c, got 'x'"),
    (Options, '--output o --gamma x', "--gamma: expected a number, got 'x'"),
    (Options, '--output o -s x', "--size: expected a whole number, got 'x'"),
    (Options, f'--output o --gamma {LONG}', f"--gamma: expected a number, got '{LONG}'"),
    (Options, '--output o --gamma 9', '--gamma: expected 1.0 to 4.0, got 9.0'),
    (Options, '--output o --bracket-size 12', '--bracket-size: expected 2 to 9, got 12'),
    (Options, f'--output {LONG} --size 12', f'--size: expected 9 at most, got 12 for {LONG}'),
    (Tasks, '', 'expected one of ship, slim, got none'),
    (Tasks, 'foo', 'expected one of ship, slim, got foo'),
])
def test_bad_words_are_expected_got_and_remedy(options, words, said, encoding, monkeypatch):
    monkeypatch.setattr('sys.stdout', io.TextIOWrapper(io.BytesIO(), encoding))
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared
        parse(options, 'ddfnet it', words.split())
    assert str(error.value) == f'{said}; see ddfnet it --help'


def test_what_a_sub_verb_misses_is_in_its_own_help():
    with pytest.raises(ValueError, match=r'^expected PATH and MODEL, got none; see '
                                         r'ddfnet it ship --help$'):
        parse(Tasks, 'ddfnet it', ['ship'])


def test_a_remedy_names_the_option_and_no_other_follows():
    with pytest.raises(ValueError, match='^--image-topics: expected 1 topic or one per exposure '
                                         r'\(3\), got 2; set --image-topics or --exposure-times$'):
        parse(Options, 'ddfnet it', ['--output', 'o', '--image-topics', 'a', 'b'])


def test_a_narrow_screen_is_for_the_help_only(monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '60')
    with pytest.raises(SystemExit):
        parse(Options, 'ddfnet it', ['--help'], '  ddfnet it')
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 60
    assert said.endswith('examples:\n  ddfnet it\n')
