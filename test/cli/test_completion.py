# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest

from ddfnet_ros.cli import VERBS, main
from ddfnet_ros.cli.completion import NESTED

# Stands in for the command, which takes a second to import; counts how often it is asked.
STUB = """
exec 3>&2
ddfnet() {
    echo asked >&3
    [[ "$*" == 'weights --help' ]] && echo "usage: ddfnet weights [-h] {ship,import-pwcnet}"
    [[ "$*" == 'weights ship --help' ]] && echo "  --evaluation JSON  Figures." && return
    echo "usage: ddfnet fuse [-h] [OPTIONS] LDR..."
    echo "  --output OUT.exr  Where a half--way result goes, as --tone-map says."
    echo "  -j N, --jobs N    Processes."
    echo "│ --clock, --no-clock  Time. │"
    echo "│ --outputs [{image,hdr,image/compressed} [...]]  Results. │"
    echo "│ --encoding 32FC3|rgb16  Of radiance. │"
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
                  '_ddfnet ddfnet; echo "${COMPREPLY[@]}"' for words in questions]
        done = subprocess.run(['bash', '--norc', '-uc', '\n'.join([script, STUB, *asking])],
                              capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()], done.stderr.split()
    return offered


def test_the_first_word_is_a_verb(complete):
    (everything, some), asked = complete("''", 'b')
    assert everything == [*VERBS, '--help', '--version', '--completion']
    assert some == ['bag', 'bench']
    assert not asked


def test_options_are_those_of_the_verbs_help_and_asked_for_once(complete):
    (everything, one), asked = complete('fuse a.png --', 'fuse --o')
    assert everything == ['--clock', '--data', '--encoding', '--jobs', '--no-clock', '--output',
                          '--outputs', '--reference', '--tone-map']
    assert one == ['--output', '--outputs']
    assert asked == ['asked']


def test_after_an_option_its_choices_are_offered(complete):
    offered, asked = complete("fuse --tone-map ''", 'fuse --tone-map r', "fuse --data ''",
                              "fuse --reference ''", "fuse --output ''")
    assert offered == [['mu', 'reinhard', 'key'], ['reinhard'], ['own', 'fang2'], ['latest'], []]
    assert asked == ['asked']


def test_several_choices_of_one_option_and_those_with_capitals_are_offered(complete):
    offered, _ = complete("bag --outputs ''", 'bag --outputs h', "bag --encoding ''")
    assert offered == [['image', 'hdr', 'image/compressed'], ['hdr'], ['32FC3', 'rgb16']]


def test_verbs_of_a_verb_and_their_own_options_are_offered(complete):
    offered, asked = complete("weights ''", 'weights sh', 'weights ship a --', 'weights ship a')
    assert offered == [['ship', 'import-pwcnet'], ['ship'], ['--evaluation'], []]
    assert asked == ['asked', 'asked']


@pytest.mark.parametrize('verb', sorted(VERBS.keys() - {'play'}))
def test_the_verbs_that_have_verbs_are_known(verb, capsys):
    with pytest.raises(SystemExit):
        main([verb, '--help'])
    assert ('subcommands' in capsys.readouterr().out) is (verb in NESTED)


def test_the_shells_are_offered(complete):
    assert complete("--completion ''", '--completion z') == ([['bash', 'zsh'], ['zsh']], [])


def test_the_command_that_is_completed_is_the_one_that_is_asked(capsys):
    assert main(['--completion', 'bash']) == 0
    asking = 'COMP_WORDS=(./mine/ddfnet fuse --); COMP_CWORD=2; _ddfnet ./mine/ddfnet 2>&1'
    done = subprocess.run(
        ['bash', '--norc', '-c', f'{capsys.readouterr().out}\n./mine/ddfnet() {{ echo --mine; }}\n'
         f'{asking}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True)
    assert done.stdout == '--mine\n'


def test_other_words_are_left_to_file_names(complete):
    assert complete('fuse short', 'fly --') == ([[], []], [])


@pytest.mark.parametrize('words', [[], ['tcsh'], ['bash', 'zsh', 'x']])
def test_other_shells_are_refused_with_the_remedy(words, capsys):
    assert main(['--completion', *words]) == 2
    assert 'expected bash or zsh, got' in capsys.readouterr().err
