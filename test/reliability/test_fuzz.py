# SPDX-License-Identifier: Apache-2.0
"""The short form of `make fuzz`: the same strategies and checks, a few hundred cases each."""

import pytest
from hypothesis import HealthCheck, given, settings

from benchmark.fuzz_targets import TARGETS, UnclearError, refuse_clearly

SLOW = {'bag': 60, 'weights': 80, 'picture': 100, 'config': 80}  # cases; the others 300


@pytest.mark.parametrize('name', TARGETS)
def test_whatever_comes_is_taken_or_refused_in_one_line(name):
    target = TARGETS[name]

    @settings(max_examples=SLOW.get(name, 300), suppress_health_check=list(HealthCheck))
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
