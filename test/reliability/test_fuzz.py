# SPDX-License-Identifier: Apache-2.0
"""The short form of `make fuzz`: the same strategies and checks, a few hundred cases each."""

import pytest
from hypothesis import HealthCheck, given, settings

from benchmark.fuzz_targets import TARGETS, UnclearError, refuse_clearly

SLOW = {'bag': 30, 'weights': 60, 'picture': 60, 'config': 30, 'parameters': 60}  # cases


@pytest.mark.parametrize('name', TARGETS)
def test_whatever_comes_is_taken_or_refused_in_one_line(name):
    target = TARGETS[name]

    @settings(max_examples=SLOW.get(name, 120), suppress_health_check=list(HealthCheck))
    @given(target.strategy)
    def run(case):
        target.check(case)

    run()


@pytest.mark.parametrize('text', ['', 'one\ntwo', 'x' * 3000])
def test_a_refusal_that_nobody_can_read_is_noticed(text):
    def refuse():
        raise ValueError(text)

    with pytest.raises(UnclearError):
        refuse_clearly(refuse)
