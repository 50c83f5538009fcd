# SPDX-License-Identifier: Apache-2.0
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / 'README.md'


def test_the_tables_are_those_of_the_code():
    result = subprocess.run([sys.executable, ROOT / 'doc/tables.py', '--check'], check=False,
                            capture_output=True, text=True)
    assert result.returncode == 0, f'run `make tables`\n{result.stderr}'


def test_a_stale_table_is_noticed(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'doc')
    tables = importlib.import_module('tables')
    text = README.read_text(encoding='utf-8')
    stale = text.replace('| `mu` * | double | `5000.0`', '| `mu` * | double | `1.0`')
    assert stale != text
    assert tables.updated(stale) == text
    with pytest.raises(ValueError, match='expected <!-- topics'):
        tables.updated(text.replace('<!-- topics', '<!-- themes'))


def test_the_table_of_models_has_every_shipped_model():
    rows = README.read_text(encoding='utf-8').partition('<!-- models')[2].splitlines()
    for model in sorted((ROOT / 'models').glob('*.safetensors')):
        assert any(re.match(rf'\| {model.stem} \| \d+\.\d\d dB \| ', row) for row in rows)


@pytest.mark.parametrize('path', [*ROOT.glob('*.md'), *ROOT.glob('doc/*.md')],
                         ids=lambda path: path.name)
def test_links_lead_to_files(path):
    text = re.sub(r'```.*?```', '', path.read_text(encoding='utf-8'), flags=re.DOTALL)
    for link in re.findall(r'\]\((?!https:)([^)#]+)[^)]*\)', text):
        assert (path.parent / link).exists(), link


def test_make_help_names_every_command_of_the_readme():
    named = set(re.findall(r'(?m)(?:`|^)make ([a-z-]+)', README.read_text(encoding='utf-8')))
    listed = subprocess.run(['make', 'help'], check=True, cwd=ROOT, capture_output=True, text=True)
    assert named <= set(re.findall(r'make ([a-z-]+)', listed.stdout))
