# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest

from ddfnet_ros.training import checkpoint
from ddfnet_ros.training.run_folder import alone_in
from ddfnet_ros.training.train import train


def test_two_runs_in_one_folder_do_not_meet(settings):
    def meanwhile():
        with pytest.raises(ValueError, match=r'--run: expected to be alone in .*; wait for it'):
            train(settings)

    assert train(settings, ready=meanwhile).step == 4
    assert train(replace(settings, steps=5)).step == 5  # the folder is free again


def test_a_run_that_could_not_begin_leaves_no_folder(settings):
    with pytest.raises(FileNotFoundError, match='nothing'):
        train(replace(settings, start_from='nothing'))
    assert not Path(settings.run).exists()


def test_a_folder_that_has_something_stays(tmp_path):
    with alone_in(tmp_path / 'run'):
        (tmp_path / 'run/checkpoint').touch()
    assert (tmp_path / 'run/checkpoint').exists()


def test_a_run_that_begins_at_its_end_has_a_checkpoint(settings, tmp_path):
    train(settings)
    second = replace(settings, run=str(tmp_path / 'second'), start_from=settings.run)
    assert train(second).step == 4
    assert checkpoint.read(tmp_path / 'second').facts['step'] == 4
    assert train(replace(second, steps=5)).step == 5
