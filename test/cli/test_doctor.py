# SPDX-License-Identifier: Apache-2.0
import json

from ddfnet_ros.cli import doctor, main
from ddfnet_ros.cli.findings import FAIL, OK, WARN, Finding
from ddfnet_ros.cli.library_checks import check_python


def test_this_machine_has_what_the_tests_need(capsys):
    assert main(['doctor', '--json']) == 0
    findings = {told['name']: told for told in json.loads(capsys.readouterr().out)}
    assert {'python', 'ros', 'dds profile', 'torch', 'gpu', 'openvino', 'numba', 'weights fast',
            'opencv', 'cv_bridge'} <= set(findings)
    assert findings['ros']['text'].endswith('rmw_fastrtps_cpp')
    assert findings['weights fast']['level'] == OK
    assert {told['level'] for told in findings.values()} <= {OK, WARN}


def test_a_failure_is_a_line_and_status_1(monkeypatch, capsys):
    def check():
        return [Finding('disk', FAIL, 'full', 'empty it')]

    monkeypatch.setattr(doctor, 'CHECKS', {'disk': check})
    assert main(['doctor']) == 1
    assert capsys.readouterr().out == 'FAIL  disk           full; empty it\n'


def test_a_finding_is_told_before_the_next_check_begins(monkeypatch, capsys):
    told = []

    def slow():
        told.append(capsys.readouterr().out)
        return []

    found = [Finding('disk', OK, 'empty')]
    monkeypatch.setattr(doctor, 'CHECKS', {'disk': lambda: found, 'slow': slow})
    assert main(['doctor']) == 0
    assert told == ['OK    disk           empty\n']


def test_a_check_that_breaks_is_a_failure_and_the_others_go_on(monkeypatch):
    def broken():
        raise RuntimeError('odd')

    monkeypatch.setattr(doctor, 'CHECKS', {'a': broken, 'python': check_python})
    assert [finding.level for finding in doctor.examine()] == [FAIL, OK]
