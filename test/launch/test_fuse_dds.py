# SPDX-License-Identifier: Apache-2.0
import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_a_profile_is_a_file_that_is_there(dds):
    file = ROOT / 'config' / 'fastdds_local.xml'
    for profile in ('local', str(file)):
        assert set(dds.environment(profile).values()) == {str(file)}
    assert dds.environment('') == {}
    with pytest.raises(RuntimeError, match='dds_profile: expected shm, local or an XML file'):
        dds.environment('nothing.xml')


def test_shared_memory_that_is_too_small_is_said_beforehand(dds, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(0, 0, 600 * 2**20))
    assert dds.warnings('shm', 2, {}, tmp_path) == []
    (said,) = dds.warnings('shm', 3, {}, tmp_path)
    assert re.search(r'expected 768 MB .* got 600 MB;.*--shm-size', said)
    assert dds.warnings('local', 3, {}, tmp_path) == []
    assert dds.warnings('', 9, {}, tmp_path) == []


def test_a_profile_for_another_middleware_is_said_beforehand(dds, tmp_path):
    (said,) = dds.warnings(
        'local', 1, {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, tmp_path)
    assert 'expected Fast DDS, got rmw_cyclonedds_cpp' in said
    assert dds.warnings(
        'local', 1, {'RMW_IMPLEMENTATION': 'rmw_fastrtps_dynamic_cpp'}, tmp_path) == []
