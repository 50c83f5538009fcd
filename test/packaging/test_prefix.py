# SPDX-License-Identifier: Apache-2.0
"""What an installed package looks like, by pip and by colcon."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory

ROOT = Path(__file__).resolve().parents[2]
SITE_PACKAGES = sysconfig.get_path('purelib', vars={'base': '', 'platbase': ''}).lstrip('/')


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*')
            if path.is_file() and path.parent.name != '__pycache__'}


@pytest.fixture(params=['pip_prefix', 'colcon_prefix', 'colcon_linked_prefix'])
def prefix(request):
    return request.getfixturevalue(request.param)


def test_the_ament_index_finds_the_package(prefix, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(prefix))
    assert get_package_share_directory('ddfnet_ros') == str(prefix / 'share/ddfnet_ros')
    assert (prefix / 'share/ddfnet_ros/package.xml').is_file()


@pytest.mark.parametrize('folder', ['launch', 'config', 'models'])
def test_share_holds_all_files_of_a_folder(prefix, folder):
    assert files_in(prefix / 'share/ddfnet_ros' / folder) == files_in(ROOT / folder)


@pytest.mark.parametrize('name', ['fuse_node', 'fuse_cameras', 'player'])
def test_ros2_run_finds_executables(prefix, name):
    executable = prefix / 'lib/ddfnet_ros' / name
    assert os.access(executable, os.X_OK)
    assert executable.read_text().startswith('#!/usr/bin/env python3\n')


def test_lib_holds_nothing_else(prefix):
    names = {path.name for path in (prefix / 'lib/ddfnet_ros').iterdir()}
    assert names == {'fuse_node', 'fuse_cameras', 'player'}


@pytest.mark.parametrize('name', ['ddfnet', 'fuse_node', 'fuse_cameras'])
def test_commands_are_in_bin(prefix, name):
    assert os.access(prefix / 'bin' / name, os.X_OK)


def test_an_interpreter_without_the_package_hands_over_to_the_one_of_the_prefix(pip_prefix, run):
    interpreter = pip_prefix / 'bin/python3'
    interpreter.write_text('#!/bin/sh\necho "handed over: $*"\n')
    interpreter.chmod(0o755)
    executable = pip_prefix / 'lib/ddfnet_ros/fuse_node'
    try:
        output = run(sys.executable, '-S', executable, '--ros-args', cwd=pip_prefix, PYTHONPATH='')
    finally:
        interpreter.unlink()
    assert output == f'handed over: {executable} --ros-args\n'


def test_weights_are_found_in_the_prefix(pip_prefix, run):
    code = 'from ddfnet_ros import weights; print(weights.__file__, weights.find("fast"))'
    output = run(sys.executable, '-c', code, cwd=pip_prefix, AMENT_PREFIX_PATH=str(pip_prefix),
                 PYTHONPATH=str(pip_prefix / SITE_PACKAGES))
    module, model = map(Path, output.split())
    assert module == pip_prefix / SITE_PACKAGES / 'ddfnet_ros/weights/__init__.py'
    assert model == pip_prefix / 'share/ddfnet_ros/models/fast.safetensors'


def test_all_files_of_the_package_travel(pip_prefix):
    assert files_in(pip_prefix / SITE_PACKAGES / 'ddfnet_ros') == files_in(ROOT / 'ddfnet_ros')


def test_a_sourced_workspace_has_the_commands_and_the_index(colcon_prefix, run):
    output = run('sh', '-c', f'. {colcon_prefix.parent}/local_setup.sh && command -v ddfnet '
                 f'&& command -v fuse_node && echo $AMENT_PREFIX_PATH && {sys.executable} -c '
                 '"import ddfnet_ros; print(ddfnet_ros.__file__)"', cwd=colcon_prefix,
                 AMENT_PREFIX_PATH='', COLCON_CURRENT_PREFIX=str(colcon_prefix.parent))
    assert output.splitlines() == [
        str(colcon_prefix / 'bin/ddfnet'), str(colcon_prefix / 'bin/fuse_node'),
        f'{colcon_prefix}:', str(colcon_prefix / SITE_PACKAGES / 'ddfnet_ros/__init__.py'),
    ]
