# SPDX-License-Identifier: Apache-2.0
"""Launch files, loaded by path: their folder's name is that of the package launch."""

import importlib.util
import sys
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'


def load(name):
    spec = importlib.util.spec_from_file_location(name.partition('.')[0], LAUNCH / name)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def arguments():
    return load('fuse_arguments.py')


@pytest.fixture(scope='session')
def nodes(arguments):
    return load('fuse_nodes.py')


@pytest.fixture(scope='session')
def bags(arguments):
    return load('fuse_bag.py')


@pytest.fixture(scope='session')
def dds():
    return load('fuse_dds.py')


@pytest.fixture(scope='session')
def launch_file():
    pytest.importorskip('launch_ros')  # not launch: that is also the name of our own folder
    return load('fuse.launch.py')


@pytest.fixture
def given(arguments, tmp_path, monkeypatch):
    """Makes the texts of all arguments: those named, else their defaults. Some files are there."""
    monkeypatch.chdir(tmp_path)
    for name in ('mine', 'front', 'left'):
        (tmp_path / f'{name}.yaml').touch()
    defaults = {name: argument.default for name, argument in arguments.ARGUMENTS.items()}
    return lambda **texts: defaults | texts
