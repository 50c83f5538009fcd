# SPDX-License-Identifier: Apache-2.0
"""What runs elsewhere (Docker, editors, GitHub) names things that are here."""

import fnmatch
import json
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / 'Makefile').read_text()
TARGETS = set(re.findall(r'(?m)^([a-z-]+):', MAKEFILE))
WORKFLOW = yaml.safe_load((ROOT / '.github/workflows/ci.yml').read_text())
DOCKERFILES = sorted((ROOT / 'docker').glob('Dockerfile.*'))
LEFT_OUT = [line for line in (ROOT / '.dockerignore').read_text().splitlines()
            if line and not line.startswith('#')]
PATH = re.compile(r'(?<![\w./$-])(?:requirements|test|config|models|docker)/[\w./-]*\w|\.ci/run')


def commands():
    """What the workflow's jobs run."""
    return [step['run'] for job in WORKFLOW['jobs'].values() for step in job['steps']
            if 'run' in step]


def test_every_target_is_phony_and_explained():
    phony = re.search(r'\.PHONY: (.*)', MAKEFILE)[1].split()
    explained = re.findall(r'(?m)^([a-z-]+):.*## \w', MAKEFILE)
    assert set(phony) == set(explained) == TARGETS


def test_the_workflow_runs_what_there_is():
    said = '\n'.join(commands())
    assert set(re.findall(r'(?m)(?:^|&& )make ([a-z-]+)', said)) <= TARGETS
    paths = PATH.findall(said)
    assert '.ci/run' in paths
    assert all((ROOT / path).exists() for path in paths)


def test_the_workflow_covers_the_pythons_that_have_ros_wheels():
    wheels = re.search(r"python_version < '(3\.\d+)'", (
        ROOT / 'requirements/ros-jazzy.in').read_text())[1]
    told = [c.rpartition(' ')[2] for c in metadata('ddfnet_ros').get_all('Classifier')
            if re.search(r':: 3\.\d+$', c)]
    have = [python for python in told if int(python[2:]) < int(wheels[2:])]
    assert WORKFLOW['jobs']['wheels']['strategy']['matrix']['python'] == have


@pytest.mark.parametrize('file', DOCKERFILES, ids=lambda file: file.name)
def test_an_image_has_the_files_that_it_is_made_with(file):
    paths = PATH.findall(re.sub(r'(?m)^#.*', '', file.read_text()))
    assert paths
    for path in paths:
        assert (ROOT / path).is_file()
        folders = [*map(str, Path(path).parents), path]
        assert not [rule for rule in LEFT_OUT for name in folders if fnmatch.fnmatch(name, rule)]


def test_the_devcontainer_names_a_stage_of_a_dockerfile():
    file = ROOT / '.devcontainer/devcontainer.json'
    build = json.loads(re.sub(r'(?m)^//.*', '', file.read_text()))['build']
    stages = re.findall(r'(?m)^FROM \S+ AS (\S+)', (file.parent / build['dockerfile']).read_text())
    assert build['target'] in stages


def test_the_page_on_installing_names_every_extra():
    text = (ROOT / 'doc/install.md').read_text()
    extras = metadata('ddfnet_ros').get_all('Provides-Extra')
    assert [extra for extra in extras if f'`{extra}`' not in text] == []
