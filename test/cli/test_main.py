# SPDX-License-Identifier: Apache-2.0
import importlib
import os
import re
import subprocess
import sys

import pytest

from ddfnet_ros import __version__
from ddfnet_ros.cli import VERBS, main
from ddfnet_ros.settings import DeghosterSettings


def help_of(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main([verb, '--help'])
    assert not stop.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize('words', [[], ['--help'], ['-h']])
def test_without_a_verb_all_verbs_are_explained(words, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['ddfnet', *words])
    assert main() == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in VERBS)
    assert 'examples:' in said


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_has_its_file(verb):
    assert callable(importlib.import_module(f'ddfnet_ros.cli.{verb}').run)


@pytest.mark.parametrize('verb', sorted(VERBS.keys() - {'play'}))
def test_help_teaches_by_example(verb, capsys):
    said = help_of(verb, capsys)
    assert f'\n  ddfnet {verb}' in said.partition('examples:')[2]
    assert not re.search(r"default:\s*(\)|''|None)|\{None\}", said)  # what says nothing


def test_the_verbs_that_speak_json_are_those_that_the_overview_names(capsys):
    main(['--help'])
    named = re.search(r'them JSON \((.*); evaluate --json FILE', capsys.readouterr().out, re.S)
    speaking = {verb for verb in VERBS.keys() - {'play', 'evaluate'}
                if re.search('--json[ ,]', help_of(verb, capsys).partition('examples:')[0])}
    with pytest.raises(SystemExit):
        main(['weights', 'ship', '--help'])
    if '--json, --no-json' in capsys.readouterr().out:
        speaking.add('weights')
    assert set(named[1].replace('\n', ' ').split(', ')) == speaking


def test_help_of_fuse_explains_every_setting(capsys):
    said = help_of('fuse', capsys)
    for name in DeghosterSettings.__dataclass_fields__:
        assert re.search(f'--{name.replace("_", "-")}[ ,]', said), name
    assert 'gamma|srgb|bt709|linear' in said


def test_version_is_the_packages(capsys):
    assert main(['--version']) == 0
    assert capsys.readouterr().out.split() == ['ddfnet', __version__]


@pytest.mark.parametrize(('words', 'said'), [
    (['fly'], "got 'fly'; see ddfnet --help"),
    (['--fuse'], "got '--fuse'"),
    (['evaluate', '--panoramas', '/nowhere', '--scenes', '0'], '--scenes: expected at least 1'),
    (['evaluate', '--scenes', '1'], '--panoramas'),
    (['synthesize', '--output', 'x', '--panoramas', '/nowhere'], '--panoramas: expected a folder'),
    (['synthesize', '--output', 'x', '--brackets', '0'], '--brackets: expected at least 1'),
    (['bench', '--frames', '99'],
     'ddfnet: --frames: expected 2 to 9, got 99; see ddfnet bench --help\n'),
    (['weights', 'cards', '/nowhere'], '/nowhere: expected a folder with .safetensors files'),
    (['bench', '--nonsense'], '--nonsense; see ddfnet bench --help\n'),
])
def test_bad_words_get_one_line_and_status_2(words, said, capsys):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count('\n') == 1


def test_help_does_not_wait_for_torch():
    code = ("import sys; from ddfnet_ros.cli import main; main(['--help'])\n"
            "try: main(['fuse', '--help'])\n"
            "except SystemExit: pass\n"
            "sys.exit('torch' in sys.modules)")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('unbuffered', ['', '1'])
@pytest.mark.parametrize('words', [['--help'], ['fuse', '--help'], ['--completion', 'bash']])
def test_nothing_is_said_where_nobody_reads_any_more(words, unbuffered):
    nobody, pipe = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [sys.executable, '-c', 'import sys; from ddfnet_ros.cli import main; sys.exit(main())',
         *words], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False,
        env=os.environ | {'PYTHONUNBUFFERED': unbuffered})
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, '')


MAIN = [sys.executable, '-c', 'import sys; from ddfnet_ros.cli import main; sys.exit(main())']


@pytest.mark.parametrize('unbuffered', ['', '1'])
def test_what_does_not_fit_on_a_full_disk_is_told_in_one_line(unbuffered):
    with open('/dev/full', 'w') as full:
        done = subprocess.run([*MAIN, '--help'], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False, env=os.environ | {'PYTHONUNBUFFERED': unbuffered})
    assert done.returncode == 2
    assert done.stderr == ('ddfnet: expected room to write, got a full disk; make some and run it '
                           'again\n')


def test_an_output_that_the_shell_closed_is_no_error():
    done = subprocess.run(['sh', '-c', '"$@" >&-', 'sh', *MAIN, '--version'],
                          stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')


def test_play_without_rclpy_names_the_remedy(monkeypatch, capsys):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    assert main(['play', 'bag']) == 2
    assert 'source a ROS 2 distribution' in capsys.readouterr().err


@pytest.mark.parametrize('error', [
    MemoryError('Unable to allocate 9 TiB'),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")])
def test_too_little_memory_is_told_in_one_line(monkeypatch, capsys, error):
    verb = importlib.import_module('ddfnet_ros.cli.doctor')

    def run(words):
        raise error

    monkeypatch.setattr(verb, 'run', run)
    assert main(['doctor']) == 2
    said = capsys.readouterr().err
    assert said == (f'ddfnet: expected enough memory, got: {error}; choose smaller images or a '
                    'smaller model\n')


def test_an_error_of_ours_stays_one(monkeypatch):
    verb = importlib.import_module('ddfnet_ros.cli.doctor')

    def run(words):
        raise RuntimeError('of ours')

    monkeypatch.setattr(verb, 'run', run)
    with pytest.raises(RuntimeError, match='of ours'):
        main(['doctor'])
