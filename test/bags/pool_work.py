# SPDX-License-Identifier: Apache-2.0
"""What pools and their workers do in tests; a module that the workers' processes can import."""

import os
import signal
import threading
from pathlib import Path

from tqdm import tqdm

from ddfnet_ros.bags.fusing import BagJob, Done
from ddfnet_ros.bags.many import WorkerDiedError, run_all
from ddfnet_ros.settings import NodeSettings


def work(given):
    """What a worker does with a job: named by it."""
    kind, _, marker = given.source.name.partition('@')
    if kind == 'bad':
        raise ValueError('expected a bag')
    if kind == 'interrupted':
        os.kill(os.getpid(), signal.SIGINT)
    if kind == 'stays':
        with tqdm(disable=True):
            Path(marker.replace('!', '/')).write_text(str(os.getpid()))
        threading.Event().wait(60)
    if kind == 'fatal' or (kind == 'dies' and not Path(marker.replace('!', '/')).exists()):
        Path(marker.replace('!', '/')).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Done(os.getpid(), 0, {}, {})


def job(name):
    return BagJob(source=Path(name), target=Path(f'{name}.mcap'), settings=NodeSettings())


def outcomes(names, pool, retries=2):
    told = {}

    def tell(given, outcome):
        assert given.source.name not in told
        told[given.source.name] = outcome

    run_all(map(job, names), pool, retries, tell)
    return told


def check_pool(pool, tmp_path):
    """The same of every pool of real processes."""
    once = f'dies@{tmp_path / "once"}'.replace('/', '!')
    always = f'fatal@{tmp_path / "always"}'.replace('/', '!')
    told = outcomes(['a', 'bad', once, 'b', always, 'c'], pool, retries=1)
    assert {name[:5] for name, outcome in told.items() if isinstance(outcome, Done)} == {
        'a', 'b', 'c', 'dies@'}
    assert isinstance(told[always], WorkerDiedError)
    assert str(told['bad']) == 'expected a bag'
    assert os.getpid() not in {done.brackets for done in told.values() if isinstance(done, Done)}
