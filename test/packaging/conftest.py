# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IN_THE_PACKAGE = ('ddfnet_ros', 'launch', 'config', 'models', 'resource', 'requirements',
                  'setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'MANIFEST.in',
                  'README.md', 'LICENSE', 'CHANGELOG.rst')


def _run(*command, cwd, **environment):
    """Output of a command that has to succeed, stderr included."""
    result = subprocess.run([str(word) for word in command], check=False, cwd=cwd, text=True,
                            env=os.environ | environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope='session')
def run():
    """The function that runs a command."""
    return _run


@pytest.fixture(scope='session')
def source(tmp_path_factory):
    """Copy of the package's sources, because builds leave folders in them."""
    folder = tmp_path_factory.mktemp('source') / 'ddfnet_ros'
    folder.mkdir()
    for name in IN_THE_PACKAGE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True,
                            ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope='session')
def pip_prefix(source, tmp_path_factory):
    """A prefix that pip installed the package in, without network."""
    prefix = tmp_path_factory.mktemp('pip') / 'prefix'
    _run(sys.executable, '-m', 'pip', 'install', '--no-index', '--no-deps', '--no-build-isolation',
        '--ignore-installed', '--prefix', prefix, source, cwd=prefix.parent)
    return prefix


@pytest.fixture(scope='session')
def colcon_prefix(source, tmp_path_factory):
    """A prefix that colcon built the package in."""
    return _colcon_build(source, tmp_path_factory.mktemp('colcon'))


@pytest.fixture(scope='session')
def colcon_linked_prefix(source, tmp_path_factory):
    """The same with links to the sources, as developers build."""
    return _colcon_build(source, tmp_path_factory.mktemp('colcon-links'), '--symlink-install')


def _colcon_build(source, workspace, *options):
    output = _run(Path(sys.executable).parent / 'colcon', '--log-base', workspace / 'log', 'build',
                  '--base-paths', source, '--build-base', workspace / 'build',
                  '--install-base', workspace / 'install', *options, cwd=workspace,
                  AMENT_PREFIX_PATH='')
    assert 'WARNING' not in output, output
    return workspace / 'install' / 'ddfnet_ros'
