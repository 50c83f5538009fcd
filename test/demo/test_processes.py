# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddfnet_ros.demo import processes
from ddfnet_ros.demo.processes import Children, ProcessError

TALKER = """
import signal, sys, time
print('hello', flush=True)
if 'stubborn' in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if 'fails' in sys.argv:
    sys.exit('no weights found')
print('ready', flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def talker(tmp_path, monkeypatch):
    (tmp_path / 'talker.py').write_text(TALKER)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return 'Z' not in Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[:1]


def wait_for(condition, patience=10):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(children, *words):
    child = children.start('talker', ['talker', *words])
    lines = []
    wait_for(lambda: lines.extend(child.new_lines()) or 'ready' in lines)
    assert lines == ['hello', 'ready']
    return child


def test_child_has_ended_when_the_block_is_left(tmp_path):
    with Children(tmp_path / 'logs', {}) as children:
        child = started(children)
        assert child.exit_code is None
    assert child.exit_code is not None


def test_child_is_ended_by_an_error_in_the_block(tmp_path):
    def interrupted(children):
        with children:
            begun.append(started(children))
            raise KeyboardInterrupt

    begun = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(Children(tmp_path / 'logs', {}))
    assert begun[0].exit_code is not None


def test_stubborn_child_is_killed(tmp_path, monkeypatch):
    brief = tuple((name, 0.2) for name, _ in processes._STOP_SIGNALS)
    monkeypatch.setattr(processes, '_STOP_SIGNALS', brief)
    with Children(tmp_path / 'logs', {}) as children:
        child = started(children, 'stubborn')
    assert child.exit_code == -signal.SIGKILL


def test_child_that_fails_leaves_its_last_words(tmp_path):
    with Children(tmp_path / 'logs', {}) as children:
        child = children.start('fuse_node', ['talker', 'fails'])
        wait_for(lambda: child.exit_code is not None)
        with pytest.raises(ProcessError, match=r'(?s)fuse_node: .*exit code 1.*no weights found'):
            child.check_running()


def test_environment_reaches_the_child(tmp_path):
    (tmp_path / 'teller.py').write_text('import os; print(os.environ["ROS_DOMAIN_ID"])')
    with Children(tmp_path / 'logs', {'ROS_DOMAIN_ID': '42'}) as children:
        child = children.start('teller', ['teller'])
        wait_for(lambda: child.exit_code is not None)
        assert child.new_lines() == ['42']


@pytest.mark.skipif(shutil.which('setpriv') is None, reason='needs setpriv of util-linux')
@pytest.mark.parametrize('name', ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'])
def test_child_dies_with_its_parent(tmp_path, name):
    parent = subprocess.Popen([sys.executable, '-c', f"""
from ddfnet_ros.demo.processes import Children, end_on_signals
import time
end_on_signals()
with Children(__import__("pathlib").Path({str(tmp_path)!r}), {{}}) as children:
    child = children.start('talker', ['talker'])
    while 'ready' not in child.new_lines(): time.sleep(0.02)
    print(child._process.pid, flush=True)
    time.sleep(60)
"""], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, 'PYTHONPATH': processes._import_path()})
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(getattr(signal, name))
    parent.wait(20)
    parent.stdout.close()
    wait_for(lambda: not alive(pid))
