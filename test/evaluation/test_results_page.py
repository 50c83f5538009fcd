# SPDX-License-Identifier: Apache-2.0
"""doc/results.md and doc/reliability.md say what the records say."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ddfnet_ros.evaluation.record import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
RECORDS = sorted((ROOT / 'benchmark/records').glob('evaluation_*.json'))


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'doc')
    return importlib.import_module('measured')


def test_tables_and_charts_are_those_of_the_records():
    result = subprocess.run([sys.executable, ROOT / 'doc/measured.py', '--check'], check=False,
                            capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, f'run `make tables`\n{result.stderr}'


def test_a_stale_figure_is_noticed(page):
    text = page.PAGE.read_text(encoding='utf-8')
    mean = page.record('evaluation_peers')['methods']['fused']['psnr_mu']['mean']
    stale = text.replace(f'{mean:.2f}', '99.99', 1)
    assert stale != text
    assert page.updated(stale) == text
    with pytest.raises(ValueError, match='expected <!-- noise'):
        page.updated(text.replace('<!-- noise: ', '<!-- nose: '))


def test_a_stale_card_is_noticed(page, monkeypatch, tmp_path):
    right = page.CARDS.read_text(encoding='utf-8')
    figure = re.search(r'\| psnr_mu \| (.*?) \|', right)[1]
    for model in page.CARDS.parent.glob('*.safetensors'):
        (tmp_path / model.name).symlink_to(model)
    monkeypatch.setattr(page, 'CARDS', tmp_path / 'README.md')
    monkeypatch.setattr(sys, 'argv', ['measured.py', '--check'])
    for text, status in ((right, 0), (right.replace(figure, '99 ± 1', 1), 1)):
        page.CARDS.write_text(text, encoding='utf-8')
        assert page.main() == status


def test_a_stale_figure_of_reliability_is_noticed(page):
    text = page.RELIABILITY.read_text(encoding='utf-8')
    for name, key in (('fuzz', 'cases'), ('soak', 'loops')):
        figure = page.record(name)[key]
        told = f'{figure}' if name == 'fuzz' else f'{figure["brackets_fused"]} of '
        stale = text.replace(told, '99999 of ', 1)
        assert stale != text
        assert page.updated(stale, page.RELIABILITY) == text


@pytest.mark.parametrize('path', RECORDS, ids=lambda path: path.stem)
def test_records_tell_how_to_get_them_again(path):
    record = json.loads(path.read_text())
    assert record['schema'] == SCHEMA
    assert re.fullmatch(r'[0-9a-f]{7,}(-dirty)?', record['commit'])
    assert all(re.fullmatch(r'[0-9a-f]{64}', digest) for digest in record['sha256'].values())
    assert record['hardware']
    assert record['panoramas']
    assert all(metric['count'] <= record['scenes']
               for found in record['methods'].values() for metric in found.values())
