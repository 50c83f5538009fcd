# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from ddfnet_ros import trials


@pytest.mark.parametrize(('code', 'status', 'said'), [
    ('print("a"); print("b")', 0, 'b'),
    ('pass', 0, ''),
    ('raise KeyError("b")', 1, "KeyError: 'b'"),
    ('raise SystemExit(3)', 3, 'ended with status 3'),
    ('import os; os.abort()', -6, 'ended by signal 6'),
])
def test_a_trial_tells_its_status_and_its_last_line(code, status, said):
    assert trials.attempt(code) == (status, said)


def test_a_trial_finds_what_this_process_finds(tmp_path, monkeypatch):
    (tmp_path / 'odd_one.py').write_text('print(__file__)')
    monkeypatch.syspath_prepend(tmp_path)
    assert trials.attempt('import odd_one') == (0, str(tmp_path / 'odd_one.py'))


def test_a_trial_that_takes_too_long_has_failed(monkeypatch):
    monkeypatch.setattr(trials, '_TIMEOUT', 0.01)
    assert trials.attempt('import time; time.sleep(60)') == (1, 'no answer within 0.01 s')


def test_a_trial_that_cannot_begin_has_failed(monkeypatch):
    monkeypatch.setattr('sys.executable', os.devnull)
    status, said = trials.attempt('pass')
    assert status == 1
    assert said.startswith('PermissionError: ')
