# SPDX-License-Identifier: Apache-2.0
"""What of a node's judgements is logged, and how often."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from ddfnet_ros.node import diagnostics, reporting
from ddfnet_ros.node.reporting import Reporter

OK, WARN = DiagnosticStatus.OK, DiagnosticStatus.WARN


@pytest.fixture
def logged(ros, capfd, monkeypatch):
    """Has judgements logged one after the other; gives the lines."""
    monkeypatch.setattr(reporting, 'PROBLEM_LOG_PERIOD', 0.0)
    node = Node('told')
    reporter = Reporter(node, 60.0, list)

    def log(*judgements):
        for level, message in judgements:
            reporter.log(level, message)
        return [line.rpartition(']: ')[2] for line in capfd.readouterr().err.splitlines()]

    yield log
    node.destroy_node()


def test_a_warning_that_goes_on_is_logged_once_and_again_after_all_was_well(logged):
    silence, well = (WARN, 'no images'), (OK, diagnostics.ALL_WELL)
    assert logged(silence, silence) == ['no images']
    assert logged(well, silence) == ['no images']


def test_a_note_of_another_kind_is_logged_and_the_same_with_other_numbers_is_not(logged):
    assert logged((OK, diagnostics.IDLE), (OK, diagnostics.IDLE)) == [diagnostics.IDLE]
    assert logged((OK, 'dropped superseded 4'), (OK, diagnostics.ALL_WELL),
                  (OK, 'dropped superseded 5')) == ['dropped superseded 4']
