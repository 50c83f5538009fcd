# SPDX-License-Identifier: Apache-2.0
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from ddfnet_ros.cli import ros_checks
from ddfnet_ros.cli.findings import FAIL, OK, WARN

from .conftest import one

ROOT = Path(__file__).resolve().parents[2]


def test_without_ros_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    finding = one(ros_checks.check_ros())
    assert finding.level == WARN
    assert 'source /opt/ros' in finding.remedy


def test_a_broken_rclpy_is_a_failure(module):
    module('rclpy', 'raise ImportError("librcl.so: no such file")')
    finding = one(ros_checks.check_ros())
    assert finding.level == FAIL
    assert 'librcl.so' in finding.text


def test_a_package_outside_of_the_ament_index_is_told(monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/nowhere')
    assert [f.level for f in ros_checks.check_ros()] == [OK, WARN]


@pytest.mark.parametrize(('environment', 'level', 'said'), [
    ({}, WARN, 'dds_profile:=shm'),
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/nowhere.xml'}, FAIL, '/nowhere.xml'),
    ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, OK, 'rmw_cyclonedds_cpp'),
    ({'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'}, OK, 'LARGE_DATA'),
    ({'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, WARN, 'FASTDDS_BUILTIN_TRANSPORTS=UDPv4'),
    ({}, WARN, f'FASTDDS_DEFAULT_PROFILES_FILE={ROOT / "config" / "fastdds_shm.xml"}'),
])
def test_the_dds_profile_is_judged_and_shared_memory_told_always(
        environment, level, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finding, memory = ros_checks.check_dds(environment)
    assert finding.level == level
    assert said in finding.text + finding.remedy
    assert 'MB free in /dev/shm' in memory.text


def test_a_profile_in_the_working_folder_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'DEFAULT_FASTDDS_PROFILES.xml').write_text('<dds/>')
    assert ros_checks.check_dds({})[0].level == OK


@pytest.mark.parametrize(('free_mb', 'level'), [(512, OK), (511, WARN)])
def test_shared_memory_has_to_hold_the_profile_of_two_processes(free_mb, level, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(0, 0, free_mb * 2**20))
    profile = str(ROOT / 'config' / 'fastdds_shm.xml')
    _, memory = ros_checks.check_dds({'FASTRTPS_DEFAULT_PROFILES_FILE': profile})
    assert memory.level == level
