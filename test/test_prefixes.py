# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

from ddfnet_ros.prefixes import install_prefixes, sourced_prefixes


@pytest.mark.parametrize(('value', 'prefixes'), [
    ('', []), ('/opt/ros', ['/opt/ros']), ('/mine::/opt/ros', ['/mine', '/opt/ros'])])
def test_sourced_workspaces_come_before_python(value, prefixes, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', value)
    assert sourced_prefixes() == [Path(prefix) for prefix in prefixes]
    assert install_prefixes() == [*sourced_prefixes(), Path(sys.prefix)]
