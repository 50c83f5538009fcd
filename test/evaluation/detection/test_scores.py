# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.scores import Score, recall


def person(x, height=100.0):
    return Box(x - 0.205 * height, 0.0, x + 0.205 * height, height)


@pytest.mark.parametrize(('hits', 'count', 'low', 'high'), [
    (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Table I, method 3
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
])
def test_intervals_are_those_that_newcombe_printed(hits, count, low, high):
    score = Score.of(hits, count)
    assert (score.low, score.high) == pytest.approx((low, high), abs=1e-4)


def test_all_and_nothing_stay_within_0_and_1():
    assert Score.of(5, 5).high == 1
    assert Score.of(0, 5).low == 0
    assert Score.of(5, 5).low == pytest.approx(1 - Score.of(0, 5).high)


def test_recall_counts_what_is_surer_than_the_first_false_alarm_too_many():
    truth = [[person(100.0), person(300.0)], [person(100.0)]]
    found = [[(3.0, person(100.0)), (2.0, person(600.0)), (1.0, person(300.0))],
             [(1.5, person(105.0))]]
    assert recall(found, truth, 0.0).hits == 1
    assert recall(found, truth, 0.5).hits == 3
    assert recall(found, truth, 0.5).count == 3


def test_finding_someone_twice_is_a_false_alarm():
    found = [[(3.0, person(100.0)), (2.0, person(101.0)), (1.0, person(300.0))]]
    truth = [[person(100.0), person(300.0)]]
    assert recall(found, truth, 0.0).hits == 1
    assert recall(found, truth, 1.0).hits == 2


def test_of_equal_scores_the_false_alarm_counts_first():
    found = [[(1.0, person(100.0)), (1.0, person(600.0))]]
    assert recall(found, [[person(100.0)]], 0.0).hits == 0


def test_boxes_overlap_by_the_shared_area_over_all_of_it():
    box = Box(0.0, 0.0, 10.0, 10.0)
    assert box.overlap(Box(5.0, 0.0, 15.0, 10.0)) == pytest.approx(1 / 3)
    assert box.overlap(Box(20.0, 0.0, 30.0, 10.0)) == 0


def test_arms_do_not_widen_a_persons_box():
    box = Box(0.0, 0.0, 90.0, 100.0).with_person_width()
    assert (box.left, box.right) == pytest.approx((24.5, 65.5))
    assert box.with_person_width(0.5).height == 50
