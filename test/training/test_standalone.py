# SPDX-License-Identifier: Apache-2.0
"""`python -m ddfnet_ros.training` where nothing but torch and a few others is installed."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

MAY_BE_THERE = ['torch', 'numpy', 'opencv-python-headless', 'safetensors', 'tqdm', 'openexr']
RUN = """
import runpy, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in BLOCKED:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)

BLOCKED = set(sys.argv.pop().split(','))
sys.meta_path.insert(0, Blocker())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in BLOCKED else found(name, *rest)
runpy.run_module('ddfnet_ros.training', run_name='__main__', alter_sys=True)
"""


def normal(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def needed(names: list[str]) -> set[str]:
    """The names and all that they require."""
    found: set[str] = set()
    waiting = [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            required = map(Requirement, requires(name) or [])
            waiting += [normal(r.name) for r in required if not r.marker or r.marker.evaluate()]
    return found


def others() -> set[str]:
    """Modules of all other distributions."""
    allowed = needed(MAY_BE_THERE)
    return {module for module, distributions in packages_distributions().items()
            if not allowed & set(map(normal, distributions))} - {'ddfnet_ros'}


def standalone(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-c', RUN, *map(str, words), ','.join(others())],
        capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[2])


def test_training_needs_little_more_than_torch(panorama_folder, tmp_path):
    assert {'jaxtyping', 'tyro', 'PIL', 'torchmetrics', 'rosbags', 'pytest'} <= others()
    done = standalone(
        '--recipe', 'budget', '--panoramas', panorama_folder, '--run', tmp_path / 'run',
        '--slim', tmp_path / 'slim', '--steps', 2, '--batch-size', 1, '--patch', 32,
        '--workers', 1, '--device', 'cpu', '--tensorboard')
    assert done.returncode == 0, done.stderr
    assert '2 steps' in done.stdout
    assert 'pip install tensorboard' in done.stderr
    assert (tmp_path / 'run/checkpoint.safetensors').is_file()
    assert (tmp_path / 'slim/index.json').is_file()


def test_what_the_user_can_mend_is_one_line():
    done = standalone('--recipe', 'budget', '--panoramas', '/nowhere', '--device', 'cpu')
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "--panoramas: expected a folder, got '/nowhere'; name one"]
