# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import threading
import time

import pytest

from ddfnet_ros.command_line import waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    monkeypatch.setattr(waiting, '_REFRESH', 0.01)


def test_what_takes_long_is_named_with_its_time_and_wiped_off_at_the_end(monkeypatch):
    monkeypatch.setattr(waiting, '_DELAY', 0.02)
    with contextlib.redirect_stderr(Terminal()) as screen, waiting.waiting('fusing'):
        while 'fusing: 00:0' not in screen.getvalue():
            time.sleep(0.01)
    *_, last, end = screen.getvalue().split('\r')
    assert (last.strip(), end) == ('', '')


def test_the_sign_is_wiped_off_where_a_bar_of_its_own_begins(monkeypatch):
    monkeypatch.setattr(waiting, '_DELAY', 0.0)
    with contextlib.redirect_stderr(Terminal()) as screen, waiting.waiting('reading') as stop:
        while 'reading: 00:0' not in screen.getvalue():
            time.sleep(0.01)
        stop()
        wiped = screen.getvalue()
        time.sleep(0.05)
        assert wiped.split('\r')[-2].strip() == ''
    assert screen.getvalue() == wiped


def test_what_is_quick_is_not_told():
    with contextlib.redirect_stderr(Terminal()) as screen, waiting.waiting('fusing'):
        time.sleep(0.1)  # ten looks at the clock
    assert screen.getvalue() == ''


def test_nothing_is_shown_where_no_person_looks(monkeypatch):
    monkeypatch.setattr(waiting, '_DELAY', 0.0)
    with contextlib.redirect_stderr(io.StringIO()) as log:
        before = threading.active_count()
        with waiting.waiting('fusing'):
            assert threading.active_count() == before
    assert log.getvalue() == ''


def test_an_error_comes_through_and_the_line_goes(monkeypatch):
    monkeypatch.setattr(waiting, '_DELAY', 0.0)
    def write():
        with waiting.waiting('writing'):
            time.sleep(0.1)
            raise OSError('disk full')

    with contextlib.redirect_stderr(Terminal()) as screen, pytest.raises(OSError, match='full'):
        write()
    assert 'writing' in screen.getvalue()
    assert screen.getvalue().endswith('\r')
