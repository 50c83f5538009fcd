# SPDX-License-Identifier: Apache-2.0
import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LAYERS = sorted((ROOT / 'requirements').glob('*.in'))
PYTHONS = ['3.10', '3.11', '3.12', '3.13', '3.14']
WHEELS = ['jazzy', 'kilted']  # of which ROS distributions come as wheels


def requirements(path):
    lines = (line.partition('#')[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def pins_with(wheels):
    """All pins, with those of one ROS distribution."""
    return [pin for name in ('pins', f'pins-{wheels}')
            for pin in requirements(ROOT / 'requirements' / f'{name}.txt')]


def layers_with(wheels):
    """All layers but those of other ROS distributions."""
    return [layer for layer in LAYERS if layer.stem not in
            [f'ros-{other}' for other in WHEELS if other != wheels]]


def normal(name):
    return re.sub(r'[-_.]+', '-', name).lower()


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or '').partition('.')[0]


@pytest.mark.parametrize('wheels', WHEELS)
@pytest.mark.parametrize('python', PYTHONS)
def test_every_requirement_has_one_exact_version(python, wheels):
    marker = {'python_version': python, 'python_full_version': f'{python}.9'}
    pins = [pin for pin in pins_with(wheels) if not pin.marker or pin.marker.evaluate(marker)]
    names = [normal(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    assert all(str(pin.specifier).startswith('==') for pin in pins)
    wanted = {normal(requirement.name)
              for layer in layers_with(wheels) for requirement in requirements(layer)
              if not requirement.marker or requirement.marker.evaluate(marker)}
    assert wanted - set(names) == {'torch'}  # which `make TORCH=...` chooses


@pytest.mark.parametrize('wheels', WHEELS)
def test_versions_fit_the_ranges(wheels):
    for layer in layers_with(wheels):
        for requirement in requirements(layer):
            for pin in pins_with(wheels):
                if normal(pin.name) == normal(requirement.name):
                    version = str(pin.specifier).removeprefix('==')
                    assert requirement.specifier.contains(version), (requirement, version)


def test_everything_imported_is_required():
    declared = {normal(requirement.name) for layer in LAYERS if layer.stem not in ('test', 'lint')
                for requirement in requirements(layer)}
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    ros = {depend.text for depend in manifest.iter('exec_depend')}
    # What is installed tells names that differ, but the tests go without rerun.
    distributions = {'rerun': ['rerun-sdk'], **packages_distributions()}
    for path in (ROOT / 'ddfnet_ros').rglob('*.py'):
        for module in set(imported_by(path)) - {'ddfnet_ros', *sys.stdlib_module_names}:
            names = {normal(name) for name in [module, *distributions.get(module, [])]}
            assert module in ros or names & declared, f'{path}: {module}'


def test_the_versions_of_the_package_agree():
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    changes = (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8')
    code = (ROOT / 'ddfnet_ros/__init__.py').read_text(encoding='utf-8')
    version = manifest.findtext('version')
    assert f"__version__ = '{version}'" in code
    assert re.search(rf'^{re.escape(version)} ', changes, re.MULTILINE)
