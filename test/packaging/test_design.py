# SPDX-License-Identifier: Apache-2.0
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.version_info < (3, 11), reason='needs tomllib')
def test_the_rooms_of_the_design_are_in_the_order_that_import_linter_checks():
    import tomllib  # noqa: PLC0415

    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))
    contract = project['tool']['importlinter']['contracts'][0]
    layers = [set(re.findall(r'\w+', layer)) for layer in reversed(contract['layers'])]
    table = (ROOT / 'doc/design.md').read_text(encoding='utf-8')
    rooms = [room for row in re.findall(r'(?m)^\| (`.*?) \|', table)
             for room in re.findall(r'`(\w+)(?:/|\.py)`', row)]
    for layer in layers:
        assert set(rooms[:len(layer)]) == layer
        del rooms[:len(layer)]
    assert not rooms
