# SPDX-License-Identifier: Apache-2.0
"""The steps that make an environment, without pip."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ['README.md', 'doc/install.md', 'docker/Dockerfile.jazzy-cpu']


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location('install', ROOT / 'requirements/install.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def runtime(install, tmp_path, monkeypatch):
    """Makes the runtime of one environment; gives the requirements of torch that pip was told."""
    def call(torch=''):
        said = []
        monkeypatch.setattr(install.Environment, 'run', lambda _, command: said.append(command))
        environment = install.Environment(tmp_path / '.venv', '', 'jazzy')
        environment.install_runtime(torch)
        return [word for command in said for word in command if 'torch' in word and '=' in word]

    return call


def test_another_torch_is_installed_in_an_environment_that_is_there(runtime):
    assert runtime()
    assert set(runtime('torch==1.0')) == {'torch==1.0'}
    assert runtime('torch==1.0') == []


def test_an_environment_keeps_the_torch_that_was_chosen_for_it(runtime, install):
    assert set(runtime()) == {install.TORCH}
    runtime('torch==1.0')
    assert runtime() == []


def test_the_default_is_written_in_one_place_and_quoted_as_it_is(install):
    for page in PAGES:
        found = re.findall(r'torch==[\d.]+\d', (ROOT / page).read_text())
        assert set(found) == {install.TORCH}, page
    for file in ['Makefile', '.github/workflows/ci.yml', 'docker/Dockerfile.jazzy-cuda']:
        assert 'torch==' not in (ROOT / file).read_text()


@pytest.mark.parametrize(('words', 'given'), [([], False), (['TORCH=torch==1.0'], True)])
def test_make_names_a_torch_only_where_one_is_given(words, given, monkeypatch):
    monkeypatch.delenv('TORCH', raising=False)
    said = subprocess.run(['make', '-n', 'venv', *words], cwd=ROOT, text=True, check=True,
                          capture_output=True).stdout
    assert ("--torch 'torch==1.0'" in said) == given
    assert ('--torch' in said) == given
