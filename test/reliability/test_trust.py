# SPDX-License-Identifier: Apache-2.0
"""What the package may be trusted with: no code from files, no shell, no needless rights."""

import ast
import importlib.metadata
import json
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ddfnet_ros import weights
from ddfnet_ros.results.saving import save

ROOT = Path(__file__).resolve().parents[2]
LOADERS = {'pickle', 'cPickle', 'dill', 'joblib', 'marshal', 'shelve', 'runpy', 'code'}
CALLS = {'eval', 'exec', 'compile', '__import__'}
DOTTED = {'os.system', 'os.popen', 'yaml.load', 'yaml.unsafe_load', 'yaml.full_load',
          'torch.jit.load', 'torch.hub.load', 'subprocess.getoutput'}


def offences(tree):
    """What could run code or commands that come from outside."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [
                node.module or '']
            yield from (name for name in names if name.partition('.')[0] in LOADERS)
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {k.arg: k.value for k in node.keywords}
            constants = {name: getattr(value, 'value', None) for name, value in keywords.items()}
            if called in CALLS | DOTTED or constants.get('shell') or constants.get('allow_pickle'):
                yield called
            if called.endswith('torch.load') and constants.get('weights_only') is not True:
                yield called


def test_nothing_runs_code_from_a_file_or_a_shell():
    found = {str(path): list(offences(ast.parse(path.read_text(encoding='utf-8'))))
             for path in (ROOT / 'ddfnet_ros').rglob('*.py')}
    assert len(found) > 100
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize('line', [
    'import pickle', 'from dill import load', 'eval(text)', 'os.system(text)', 'yaml.load(file)',
    'subprocess.run(text, shell=True)', 'torch.load(path)', 'torch.load(path, weights_only=False)',
    'np.load(path, allow_pickle=True)'])
def test_what_would_run_code_is_seen(line):
    assert list(offences(ast.parse(line)))


def test_weights_that_are_a_pickle_are_refused(tmp_path):
    path = tmp_path / f'model{weights.SUFFIX}'
    path.write_bytes(b'\x80\x04cos\nsystem\n(S"touch hacked"\ntR.')
    with pytest.raises(weights.WeightsError, match='expected a whole safetensors file'):
        weights.load(path)


@pytest.mark.parametrize('frame_id', ['../../escaped', '/escaped', 'a\0b'])
def test_what_a_message_says_leads_to_no_other_folder(tmp_path, deghosted, frame_id):
    given = deghosted(frame_id)
    folder = save(given, tmp_path / 'set', {})
    written = {path.parent for path in tmp_path.rglob('*') if path.is_file()}
    assert written == {folder}
    assert folder.parent == tmp_path / 'set'


def unit():
    parser = RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(ROOT / 'config/ddfnet_ros.service')
    return dict(parser['Service'])


@pytest.mark.parametrize(('key', 'value'), [
    ('DynamicUser', 'yes'), ('NoNewPrivileges', 'yes'), ('CapabilityBoundingSet', ''),
    ('ProtectSystem', 'strict'), ('ProtectHome', 'yes'), ('RestrictSUIDSGID', 'yes'),
    ('Restart', 'always')])
def test_the_service_runs_without_root_and_comes_back(key, value):
    assert unit()[key] == value
    assert unit().get('User') != 'root'


@pytest.mark.parametrize('path', sorted((ROOT / 'docker').iterdir()), ids=lambda path: path.name)
def test_what_runs_in_a_container_is_not_root(path):
    lines = [line.split() for line in path.read_text().splitlines()]
    words = [line for line in lines if line and line[0] in ('USER', 'RUN', 'COPY', 'CMD')]
    *_, (last, user), (command, *_) = words
    assert (last, command) == ('USER', 'CMD')
    assert user not in ('root', '0')


def test_the_bill_of_materials_names_everything_once(tmp_path):
    path = tmp_path / 'out' / 'sbom.json'
    subprocess.run([sys.executable, ROOT / 'requirements/sbom.py', path], check=True,
                   capture_output=True)
    bill = json.loads(path.read_text())
    names = [(c['name'], c.get('version')) for c in bill['components']]
    assert len(names) == len(set(names))
    installed = {d.metadata['Name'].lower().replace('_', '-')
                 for d in importlib.metadata.distributions()}
    assert installed <= {name for name, _ in names}
    assert ('fast.safetensors', None) in names
