# SPDX-License-Identifier: Apache-2.0
import multiprocessing
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

from ddfnet_ros.bags import BagError, parts
from ddfnet_ros.bags.fusing import BagJob, fuse_bag
from ddfnet_ros.settings import NodeSettings

from .jobs import TOPIC, contents, job


class Interrupted(BaseException):
    """Ctrl-C, at a moment that the test chooses."""


def interrupting(fuse, after):
    def call(bracket):
        if len(fuse.seen) >= after:
            raise Interrupted
        return fuse(bracket)

    return call


def test_an_interrupted_run_goes_on_where_it_was(record, fuse, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, 'PART_SIZE', 2)
    source = record(frames=30)
    with pytest.raises(Interrupted):
        fuse_bag(job(source, tmp_path), interrupting(fuse, 5))
    assert not (tmp_path / 'out.mcap').exists()
    first = list(fuse.seen)
    done = fuse_bag(job(source, tmp_path), fuse)
    assert (done.brackets, done.earlier) == (10, 4)
    assert fuse.seen[len(first)] == first[4]  # the fifth was fused, but its part not complete
    assert len(fuse.seen) == 5 + 6
    fuse_bag(BagJob(source=source, target=tmp_path / 'at_once.mcap',
                 settings=job(source, tmp_path).settings), fuse)
    assert contents(tmp_path / 'out.mcap') == contents(tmp_path / 'at_once.mcap')


def test_parts_of_other_settings_are_not_taken_over(record, fuse, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, 'PART_SIZE', 2)
    source = record(frames=30)
    with pytest.raises(Interrupted):
        fuse_bag(job(source, tmp_path), interrupting(fuse, 5))
    done = fuse_bag(job(source, tmp_path, settings={'tone_map': 'reinhard'}), fuse)
    assert done.earlier == 0


def test_parts_of_other_settings_do_not_come_back_later(record, fuse, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, 'PART_SIZE', 2)
    source = record(frames=30)
    for settings, done in (({}, 7), ({'tone_map': 'reinhard'}, 3)):
        fuse.seen.clear()
        with pytest.raises(Interrupted):
            fuse_bag(job(source, tmp_path, settings=settings), interrupting(fuse, done))
    assert fuse_bag(job(source, tmp_path, settings=settings), fuse).earlier == 2


def _killed_while_fusing(source, target):
    settings = NodeSettings(image_topics=(TOPIC,), exposure_source='camera_ros')
    calls = []

    def fuse(bracket):
        calls.append(bracket)
        if len(calls) > 5:
            os.kill(os.getpid(), signal.SIGKILL)
        pixels = bracket.reference.pixels
        return SimpleNamespace(bracket=bracket, way='whole', image=pixels,
                               radiance=pixels.astype(np.float32) / 255)

    parts.PART_SIZE = 2
    fuse_bag(BagJob(source=source, target=target, settings=settings), fuse)


def test_a_killed_run_leaves_no_half_bag_and_goes_on(record, fuse, tmp_path):
    source = record(frames=30)
    child = multiprocessing.get_context('fork').Process(
        target=_killed_while_fusing, args=(source, tmp_path / 'out.mcap'))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / 'out.mcap').exists()
    done = fuse_bag(job(source, tmp_path), fuse)
    assert (done.brackets, done.earlier) == (10, 4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out.mcap', 'street']


def test_two_runs_at_one_bag_do_not_meet(record, fuse, tmp_path):
    source = record()

    def meanwhile(bracket):
        with pytest.raises(BagError, match='another run'):
            fuse_bag(job(source, tmp_path), fuse)
        return fuse(bracket)

    assert fuse_bag(job(source, tmp_path), meanwhile).brackets == 4


def test_a_folder_that_no_run_has_made_is_left_as_it_is(record, fuse, tmp_path):
    (tmp_path / 'out.mcap.partial').mkdir()
    (tmp_path / 'out.mcap.partial/thesis.tex').write_text('years of work')
    with pytest.raises(BagError, match=r'a folder of an earlier run, .* thesis.tex; move'):
        fuse_bag(job(record(), tmp_path), fuse)
    assert [p.name for p in (tmp_path / 'out.mcap.partial').iterdir()] == ['thesis.tex']
    assert not fuse.seen
