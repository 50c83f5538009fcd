# SPDX-License-Identifier: Apache-2.0
import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from ddfnet_ros.cli import doctor, main

ROOT = Path(__file__).resolve().parents[2]


def one(findings):
    (finding,) = findings
    return finding


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Puts a module of some name and content before all others."""
    def write(name, text):
        (tmp_path / f'{name}.py').write_text(text)
        monkeypatch.setenv('PYTHONPATH', str(tmp_path))
        monkeypatch.syspath_prepend(str(tmp_path))

    return write


def test_this_machine_has_what_the_tests_need(capsys):
    assert main(['doctor', '--json']) == 0
    findings = {told['name']: told for told in json.loads(capsys.readouterr().out)}
    assert {'python', 'ros', 'dds profile', 'torch', 'gpu', 'openvino', 'numba', 'weights fast',
            'opencv', 'cv_bridge'} <= set(findings)
    assert findings['ros']['text'].endswith('rmw_fastrtps_cpp')
    assert findings['weights fast']['level'] == doctor.OK
    assert {told['level'] for told in findings.values()} <= {doctor.OK, doctor.WARN}


def test_a_failure_is_a_line_and_status_1(monkeypatch, capsys):
    def check():
        return [doctor.Finding('disk', doctor.FAIL, 'full', 'empty it')]

    monkeypatch.setattr(doctor, 'CHECKS', {'disk': check})
    assert main(['doctor']) == 1
    assert capsys.readouterr().out == 'FAIL  disk           full; empty it\n'


def test_a_finding_is_told_before_the_next_check_begins(monkeypatch, capsys):
    told = []

    def slow():
        told.append(capsys.readouterr().out)
        return []

    found = [doctor.Finding('disk', doctor.OK, 'empty')]
    monkeypatch.setattr(doctor, 'CHECKS', {'disk': lambda: found, 'slow': slow})
    assert main(['doctor']) == 0
    assert told == ['OK    disk           empty\n']


def test_a_check_that_breaks_is_a_failure_and_the_others_go_on(monkeypatch):
    def broken():
        raise RuntimeError('odd')

    monkeypatch.setattr(doctor, 'CHECKS', {'a': broken, 'python': doctor.check_python})
    assert [finding.level for finding in doctor.examine()] == [doctor.FAIL, doctor.OK]


def test_without_ros_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    finding = one(doctor.check_ros())
    assert finding.level == doctor.WARN
    assert 'source /opt/ros' in finding.remedy


def test_a_broken_rclpy_is_a_failure(module):
    module('rclpy', 'raise ImportError("librcl.so: no such file")')
    finding = one(doctor.check_ros())
    assert finding.level == doctor.FAIL
    assert 'librcl.so' in finding.text


def test_a_package_outside_of_the_ament_index_is_told(monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/nowhere')
    assert [f.level for f in doctor.check_ros()] == [doctor.OK, doctor.WARN]


@pytest.mark.parametrize(('environment', 'level', 'said'), [
    ({}, doctor.WARN, 'dds_profile:=shm'),
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/nowhere.xml'}, doctor.FAIL, '/nowhere.xml'),
    ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, doctor.OK, 'rmw_cyclonedds_cpp'),
    ({'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'}, doctor.OK, 'LARGE_DATA'),
    ({'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, doctor.WARN, 'FASTDDS_BUILTIN_TRANSPORTS=UDPv4'),
    ({}, doctor.WARN, f'FASTDDS_DEFAULT_PROFILES_FILE={ROOT / "config" / "fastdds_shm.xml"}'),
])
def test_the_dds_profile_is_judged_and_shared_memory_told_always(
        environment, level, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finding, memory = doctor.check_dds(environment)
    assert finding.level == level
    assert said in finding.text + finding.remedy
    assert 'MB free in /dev/shm' in memory.text


def test_a_profile_in_the_working_folder_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'DEFAULT_FASTDDS_PROFILES.xml').write_text('<dds/>')
    assert doctor.check_dds({})[0].level == doctor.OK


@pytest.mark.parametrize(('free_mb', 'level'), [(512, doctor.OK), (511, doctor.WARN)])
def test_shared_memory_has_to_hold_the_profile_of_two_processes(free_mb, level, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(0, 0, free_mb * 2**20))
    profile = str(ROOT / 'config' / 'fastdds_shm.xml')
    _, memory = doctor.check_dds({'FASTRTPS_DEFAULT_PROFILES_FILE': profile})
    assert memory.level == level


def test_damaged_weights_are_a_failure(tmp_path, monkeypatch):
    (tmp_path / 'fast.safetensors').write_bytes(b'not weights')
    monkeypatch.setenv('DDFNET_MODELS', str(tmp_path))
    finding = next(f for f in doctor.check_weights() if f.name == 'weights fast')
    assert finding.level == doctor.FAIL
    assert str(tmp_path) in finding.text


@pytest.mark.parametrize(('text', 'said'), [
    ('raise ImportError("numpy.core.multiarray failed to import")', 'multiarray'),
    ('import os; os.abort()', 'signal 6'),
])
def test_a_cv_bridge_that_breaks_ends_only_its_own_process(text, said, module):
    module('cv_bridge', text)
    finding = one(doctor.check_cv_bridge())
    assert finding.level == doctor.WARN
    assert said in finding.text


def test_cv_bridge_is_looked_for_where_this_process_looks(tmp_path, monkeypatch):
    (tmp_path / 'cv_bridge.py').write_text('raise ImportError("found and broken")')
    monkeypatch.syspath_prepend(tmp_path)
    assert 'found and broken' in one(doctor.check_cv_bridge()).text


def test_a_torch_that_cannot_use_the_gpu_that_is_there_is_told(module, monkeypatch):
    module('torch', """
__version__ = '9'
class version: cuda = None
class cuda:
    is_available = staticmethod(lambda: False)
    device_count = staticmethod(lambda: 0)
""")
    monkeypatch.setattr(shutil, 'which', lambda name: f'/usr/bin/{name}')
    torch, gpu = doctor.check_torch()
    assert torch.text == '9, CUDA none'
    assert (gpu.level, gpu.remedy) == (doctor.WARN, 'install a CUDA build of torch')


def test_two_builds_of_opencv_over_each_other_are_told(monkeypatch):
    monkeypatch.setattr(doctor, '_version', lambda package: '5.0' if 'contrib' not in package
                        else '')
    finding = one(doctor.check_opencv())
    assert finding.level == doctor.WARN
    assert 'opencv-python and opencv-python-headless' in finding.text
