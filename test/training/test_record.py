# SPDX-License-Identifier: Apache-2.0
import errno
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ddfnet_ros.training import record
from ddfnet_ros.training.train import train


def test_tensorboard_gets_scalars_and_pictures(settings):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    train(replace(settings, steps=50, tensorboard=True, picture_every=25))
    events = EventAccumulator(str(Path(settings.run) / 'tensorboard'))
    events.Reload()
    assert set(events.Tags()['scalars']) == {'loss', 'gradient', 'learning_rate'}
    assert [event.step for event in events.Scalars('loss')] == [50]
    pictures = events.Images('picture')
    assert [event.step for event in pictures] == [25, 50]
    assert (pictures[0].height, pictures[0].width) == (32, 3 * 32)


def test_without_tensorboard_training_says_so_in_one_line_and_goes_on(
        settings, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    assert train(replace(settings, tensorboard=True)).step == 4
    assert [message.count('\n') for message in caplog.messages] == [0]
    assert 'pip install tensorboard' in caplog.text


def test_a_full_disk_met_by_the_log_is_told_too(settings, monkeypatch):
    def run_out_of_space(_self, *_row):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(record.Record, 'row', run_out_of_space)
    with pytest.raises(OSError, match=r'No space left on device; make room'):
        train(replace(settings, steps=50))
