# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from ddfnet_ros.training.schedule import Ramp, Schedule
from ddfnet_ros.training.settings import TrainingSettings

PAPER = Schedule(TrainingSettings())
EPOCH = 111  # steps: 222 patches, two at a time
NONE = Ramp()


def test_the_paper_trains_for_555_000_steps():
    assert PAPER.steps == 5000 * EPOCH
    assert PAPER.epoch(EPOCH) == 1


@pytest.mark.parametrize(('epoch', 'rate'), [
    (0, 1e-5), (3999, 1e-5), (4000, 5e-6), (4499, 5e-6), (4500, 2.5e-6), (4999, 2.5e-6),
])
def test_the_papers_rate_is_halved_after_4000_and_4500_epochs(epoch, rate):
    assert PAPER.rate(epoch * EPOCH, NONE) == pytest.approx(rate)


def test_pwcnet_joins_after_4000_epochs():
    assert not PAPER.trains_flow(4000 * EPOCH - 1)
    assert PAPER.trains_flow(4000 * EPOCH)
    assert not Schedule(TrainingSettings(flow='dis')).trains_flow(4000 * EPOCH)


def test_two_processes_need_half_the_steps():
    both = Schedule(TrainingSettings(), processes=2)
    assert both.steps == PAPER.steps / 2
    assert both.rate(2000 * EPOCH, NONE) == pytest.approx(5e-6)


def test_the_budgeted_rate_warms_up_and_falls():
    settings = TrainingSettings.from_recipe('budget', {'steps': 100})
    rates = [Schedule(settings).rate(step, Ramp(0, 10)) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[9]
    assert rates[-1] < 0.02 * settings.learning_rate


def test_a_ramp_begins_where_the_optimizer_does():
    ramp = Ramp(50, 4)
    assert [ramp.factor(step) for step in (50, 51, 53, 60)] == [0.25, 0.5, 1, 1]


def test_steps_given_are_taken():
    assert Schedule(replace(TrainingSettings(), steps=7), processes=3).steps == 7
