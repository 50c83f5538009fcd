# SPDX-License-Identifier: Apache-2.0
"""The additions that CONTRIBUTING.md shows, made in a copy of the tree, pass their tests there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'```(python|diff)\n# (\S+)\n(.*?)```', TEXT, re.DOTALL)
RUN = ('test/metadata/test_sources.py', 'test/test_tonemap.py', 'test/evaluation/baselines',
       'test/runtime/test_traced_core.py')
CHOSEN = 'my_camera or film or clahe or traced'


def side(lines, sign):
    return ''.join(line[1:] for line in lines.splitlines(keepends=True) if line[0] == sign)


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """A tree without recordings, changed as the page says."""
    tree = tmp_path_factory.mktemp('tree')
    left_out = shutil.ignore_patterns('__pycache__', 'street.mcap', 'truth')
    for folder in ('ddfnet_ros', 'test'):
        shutil.copytree(ROOT / folder, tree / folder, ignore=left_out)
    shutil.copy(ROOT / 'pyproject.toml', tree)
    for kind, name, content in BLOCKS:
        file = tree / name
        text = file.read_text(encoding='utf-8') if file.exists() else ''
        if kind == 'python':
            file.write_text(f'{text}\n\n{content}' if text else content, encoding='utf-8')
            continue
        assert {line[0] for line in content.splitlines()} == {'-', '+'}
        before = side(content, '-')
        assert text.count(before) == 1, f'{name}: expected once\n{before}'
        file.write_text(text.replace(before, side(content, '+')), encoding='utf-8')
    return tree


def test_no_block_is_left_out():
    assert TEXT.count('```python') + TEXT.count('```diff') == len(BLOCKS)
    for addition in CHOSEN.split(' or '):
        assert any(addition in content for _, name, content in BLOCKS if name.startswith('test/'))


@pytest.mark.timeout(300)
def test_each_addition_passes_its_tests(copy):
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', *RUN, '-vv', '-k', CHOSEN, '-p', 'no:cacheprovider'],
        check=False, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for test in (re.findall(r'(?m)^def (test_\w+)', content) for *_, content in BLOCKS):
        assert all(f'{name} PASSED' in done.stdout for name in test)
    assert len(re.findall(r'\[(?:film|clahe)\S*\] PASSED', done.stdout)) >= 6
