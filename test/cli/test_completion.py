# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest

from ddfnet_ros.cli import _VERBS, main

# Stands in for the command, which takes a second to import; counts how often it is asked.
STUB = """
exec 3>&2
ddfnet() {
    echo asked >&3
    echo "usage: ddfnet fuse [-h] [OPTIONS] LDR..."
    echo "  --output OUT.exr  Where a half--way result goes, as --tone-map says."
    echo "  -j N, --jobs N    Processes."
    echo "│ --clock, --no-clock  Time. │"
    echo "│ --tone-map mu|reinhard|key  Curve. │"
    echo "│ --data {own,fang2} Set. --reference INT|latest  Frame. │"
}
"""


@pytest.fixture
def complete(capsys):
    """What bash offers for the last of some words, one list per question."""
    assert main(['--completion', 'bash']) == 0
    script = capsys.readouterr().out

    def offered(*questions):
        asking = [f'COMP_WORDS=(ddfnet {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n'
                  '_ddfnet; echo "${COMPREPLY[@]}"' for words in questions]
        done = subprocess.run(['bash', '--norc', '-uc', '\n'.join([script, STUB, *asking])],
                              capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()], done.stderr.split()
    return offered


def test_the_first_word_is_a_verb(complete):
    (everything, some), asked = complete("''", 'b')
    assert everything == [*_VERBS, '--help', '--version', '--completion']
    assert some == ['bag', 'bench']
    assert not asked


def test_options_are_those_of_the_verbs_help_and_asked_for_once(complete):
    (everything, one), asked = complete('fuse a.png --', 'fuse --o')
    assert everything == ['--clock', '--data', '--jobs', '--no-clock', '--output', '--reference',
                          '--tone-map']
    assert one == ['--output']
    assert asked == ['asked']


def test_after_an_option_its_choices_are_offered(complete):
    offered, asked = complete("fuse --tone-map ''", 'fuse --tone-map r', "fuse --data ''",
                              "fuse --reference ''", "fuse --output ''")
    assert offered == [['mu', 'reinhard', 'key'], ['reinhard'], ['own', 'fang2'], ['latest'], []]
    assert asked == ['asked']


def test_other_words_are_left_to_file_names(complete):
    assert complete('fuse short', 'fly --') == ([[], []], [])


@pytest.mark.parametrize('words', [[], ['tcsh'], ['bash', 'zsh']])
def test_other_shells_are_refused_with_the_remedy(words, capsys):
    assert main(['--completion', *words]) == 2
    assert 'expected bash, got' in capsys.readouterr().err
