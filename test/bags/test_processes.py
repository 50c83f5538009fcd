# SPDX-License-Identifier: Apache-2.0
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # pool_work

import pool_work

from ddfnet_ros.bags.processes import Processes


def test_processes_that_die_are_replaced(tmp_path):
    with Processes(2, pool_work.work) as pool:
        pool_work.check_pool(pool, tmp_path)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_one_that_began_them(tmp_path, number):
    marker = tmp_path / 'pid'
    parent = subprocess.Popen([sys.executable, parent_of(marker, 'pool.wait_for_any([job])')])
    wait_for(lambda: marker.exists() and marker.read_text())
    parent.send_signal(number)
    parent.wait()
    wait_for(lambda: not Path(f'/proc/{marker.read_text()}').exists())


def test_an_interrupt_does_not_wait_for_what_is_being_fused(tmp_path):
    marker, pool = tmp_path / 'pid', Processes(2, pool_work.work)
    pool.start(pool_work.job(f'stays@{marker}'.replace('/', '!')))
    wait_for(lambda: marker.exists() and marker.read_text())
    with pytest.raises(KeyboardInterrupt), pool:
        raise KeyboardInterrupt
    assert not Path(f'/proc/{marker.read_text()}').exists()


def test_an_interrupt_leaves_nothing_that_python_complains_of(tmp_path):
    marker = tmp_path / 'pid'
    script = parent_of(marker, f"""
        while not Path({str(marker)!r}).exists():
            time.sleep(0.05)
        sys.exit('the last line')""")
    done = subprocess.run([sys.executable, script], stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == 'the last line\n'


def test_an_interrupt_is_for_the_one_that_began_them():
    told = pool_work.outcomes(['interrupted'], Processes(1, pool_work.work))
    assert told['interrupted'].dropped == {}


def parent_of(marker, then):
    """A program that has a process do a job which never ends, and writes its id to the marker."""
    script = marker.with_name('parent.py')
    script.write_text(f"""
import sys
import time
from pathlib import Path

sys.path.insert(0, {str(Path(__file__).parent)!r})
import pool_work
from ddfnet_ros.bags.processes import Processes

if __name__ == '__main__':
    with Processes(1, pool_work.work) as pool:
        job = pool.start(pool_work.job({f'stays@{marker}'.replace('/', '!')!r}))
        {then.strip()}
""")
    return script


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
