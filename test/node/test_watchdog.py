# SPDX-License-Identifier: Apache-2.0
import time
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from ddfnet_ros.node.watchdog import Watchdog
from ddfnet_ros.settings import OutputSettings

LIMITS = OutputSettings(
    max_allowed_processing_time_ms=100.0, max_acceptable_consecutive_delay_ms=1000.0)
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told to."""
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    return now


def judge(watchdog, settings=LIMITS):
    status = watchdog.status('a', settings)
    values = {value.key: value.value for value in status.values}
    return status.level, values


def test_before_the_first_bracket_all_is_well():
    level, values = judge(Watchdog())
    assert (level, values['processing_time_ms']) == (OK, '0.0')


@pytest.mark.parametrize(('processing_ms', 'level', 'in_range'), [
    (100.0, OK, 'True'), (100.5, WARN, 'False')])
def test_a_bracket_that_takes_too_long_is_a_warning(processing_ms, level, in_range):
    watchdog = Watchdog()
    watchdog.note(processing_ms, LIMITS)
    got, values = judge(watchdog)
    assert got == level
    assert values['is_processing_time_ms_in_expected_range'] == in_range
    assert values['processing_time_ms'] == f'{processing_ms}'


def test_slow_brackets_for_too_long_are_an_error(clock):
    watchdog = Watchdog()
    for clock[0] in (0.0, 0.5, 0.9):
        watchdog.note(200.0, LIMITS)
    level, values = judge(watchdog)
    assert (level, values['consecutive_processing_delay_ms']) == (WARN, '900.0')
    clock[0] = 1.1
    watchdog.note(200.0, LIMITS)
    level, values = judge(watchdog)
    assert (level, values['is_consecutive_processing_delay_in_range']) == (ERROR, 'False')
    watchdog.note(50.0, LIMITS)
    assert judge(watchdog)[0] == OK


def test_silence_after_a_late_bracket_is_no_delay(clock):
    watchdog = Watchdog()
    for clock[0] in (0.0, 0.5):
        watchdog.note(200.0, LIMITS)
    clock[0] = 60.0
    level, values = judge(watchdog)
    assert (level, values['consecutive_processing_delay_ms']) == (WARN, '500.0')


def test_after_a_reset_all_is_well_again(clock):
    watchdog = Watchdog()
    for clock[0] in (0.0, 2.0):
        watchdog.note(200.0, LIMITS)
    assert judge(watchdog)[0] == ERROR
    watchdog.reset()
    level, values = judge(watchdog)
    assert (level, values['processing_time_ms']) == (OK, '0.0')


def test_without_limits_nothing_is_too_slow(clock):
    watchdog = Watchdog()
    watchdog.note(1e6, OutputSettings())
    clock[0] = 1e6
    assert judge(watchdog, OutputSettings())[0] == OK


def test_a_limit_that_is_lifted_or_raised_makes_the_last_bracket_no_longer_late(clock):
    watchdog = Watchdog()
    for clock[0] in (0.0, 2.0):
        watchdog.note(200.0, LIMITS)
    for limit_ms in (0.0, 300.0):
        limits = replace(LIMITS, max_allowed_processing_time_ms=limit_ms)
        level, values = judge(watchdog, limits)
        assert (level, values['is_processing_time_ms_in_expected_range']) == (OK, 'True')
    assert judge(watchdog)[0] == ERROR
