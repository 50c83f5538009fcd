# SPDX-License-Identifier: Apache-2.0
"""What `ddfnet bag` asks of the processes or actors that fuse several bags."""

import sys
from pathlib import Path

import pytest

from ddfnet_ros.bags.fusing import Done
from ddfnet_ros.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / 'demo'))  # small_street

from small_street import write_street


class Recorder:
    """A pool that only notes what it is told."""

    def __init__(self, *size, **told):
        Recorder.told, Recorder.jobs, self.size = told, [], size[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_for_any(self, running):
        return next(iter(running))

    def result(self, _handle):
        return self.done

    def start(self, job):
        Recorder.jobs.append(job)
        self.done = Done(1, 0, {}, {})
        return len(Recorder.jobs)


def fuse_two(tmp_path, *words):
    bags = [write_street(tmp_path / name, brackets=2) for name in 'ab']
    bags = [str(path.rename(path.with_name(f'{path.parent.name}.mcap'))) for path in bags]
    return main(['bag', *bags, str(tmp_path / 'out'), *words])


@pytest.mark.parametrize(('words', 'threads'), [
    (['--jobs', '8'], 4), (['--jobs', '1'], 8), (['--jobs', '8', '--threads', '3'], 3)])
def test_the_processes_that_run_share_the_threads(words, threads, tmp_path, monkeypatch):
    monkeypatch.setattr('ddfnet_ros.cli.bag.Processes', Recorder)
    monkeypatch.setattr('os.cpu_count', lambda: 8)
    assert fuse_two(tmp_path, *words) == 0
    assert [job.settings.threads for job in Recorder.jobs] == [threads] * 2


@pytest.mark.parametrize(('device', 'gpus'), [('cpu', False), ('auto', True)])
def test_ray_gives_no_gpus_to_jobs_that_need_none(device, gpus, tmp_path, monkeypatch):
    monkeypatch.setattr('ddfnet_ros.cli.bag.RayActors', Recorder)
    file = tmp_path / 'mine.yaml'
    file.write_text(f'/**: {{ros__parameters: {{device: {device}}}}}')
    assert fuse_two(tmp_path, '--ray', '--params-file', str(file)) == 0
    assert Recorder.told == {'gpus': gpus}
    assert {job.settings.threads for job in Recorder.jobs} == {0}
