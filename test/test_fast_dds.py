# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from ddfnet_ros import fast_dds

CONFIG = Path(__file__).resolve().parents[1] / 'config'


@pytest.fixture(autouse=True)
def _nothing_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(('middleware', 'environment', 'default'), [
    ('rmw_fastrtps_cpp', {}, True),
    ('rmw_fastrtps_dynamic_cpp', {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'}, True),
    ('rmw_fastrtps_cpp', {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, True),
    ('', {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv6'}, True),
    ('rmw_fastrtps_cpp', {'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'}, False),
    ('rmw_fastrtps_cpp', {'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA?max_msg_size=1MB'}, False),
    ('rmw_fastrtps_cpp',
     {'FASTRTPS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_shm.xml')}, False),
    ('rmw_cyclonedds_cpp', {}, False),
    ('rmw_zenoh_cpp', {}, False),
])
def test_only_fast_dds_as_it_comes_is_the_default(middleware, environment, default):
    assert fast_dds.is_default(middleware, environment) is default


def test_a_profile_in_the_working_folder_counts(tmp_path):
    (tmp_path / 'DEFAULT_FASTRTPS_PROFILES.xml').write_text('<dds/>')
    assert not fast_dds.is_default('rmw_fastrtps_cpp', {})


def test_two_processes_reserve_what_the_profile_says():
    variables = {'FASTDDS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_shm.xml')}
    assert fast_dds.wanted_bytes(variables) == 2 * 256 * 2**20
    assert fast_dds.wanted_bytes({}) == 0


@pytest.mark.parametrize('name', ['shm', 'local'])
def test_the_shipped_profiles_are_found(name):
    assert fast_dds.shipped_profile(name) == CONFIG / f'fastdds_{name}.xml'
