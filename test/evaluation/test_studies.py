# SPDX-License-Identifier: Apache-2.0
from ddfnet_ros.evaluation.baselines import BASELINES
from ddfnet_ros.evaluation.conditions import Condition
from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.evaluation.record import Point
from ddfnet_ros.evaluation.studies import HARMLESS, axes, failures, references, sweep


def points(axis, gains):
    """`ours` is better than the reference by these dB, value by value."""
    return [
        Point(axis, value, {name: {'psnr_mu': Statistic.of([level])}
                            for name, level in (('reference', 30.0), ('ours', 30.0 + gain))})
        for value, gain in gains.items()]


def found(axis, gains):
    failure = failures(points(axis, gains), 'ours')[0]
    return failure.below, failure.above


def test_failure_is_the_nearest_value_that_gains_nothing():
    assert found('noise', {0.0: 5, 0.03: 1, 0.05: 0, 0.1: -2}) == (None, 0.05)


def test_failure_is_looked_for_on_both_sides_of_what_is_harmless():
    assert found('exposure', {0.8: -1, 0.9: -1, 1.0: 4, 1.1: 1, 1.2: -3}) == (0.9, 1.2)
    assert found('exposure', {0.9: -1, 1.0: 0, 1.1: 5}) == (1.0, 1.0)


def test_no_failure_is_none():
    assert found('ratio', {2.0: 3, 16.0: 1}) == (None, None)


def test_a_metric_that_is_missing_is_no_failure():
    assert failures(points('noise', {0.0: 1}), 'ours')[1].above is None


def test_every_axis_starts_at_a_harmless_value():
    conditions = axes(128)
    assert set(conditions) == set(HARMLESS)
    assert all(HARMLESS[axis] in values for axis, values in conditions.items())


def test_motion_is_a_share_of_the_width():
    assert axes(200)['motion'][0.4].scenes == {'max_motion': 80}


def test_a_sweep_has_a_point_per_condition(source):
    swept = list(sweep('noise', {0.0: Condition(), 0.1: Condition(sigma=0.1)}, BASELINES,
                       source, 1, 1))
    assert [point.value for point in swept] == [0.0, 0.1]
    quiet, noisy = (point.methods['reference']['psnr_mu'].mean for point in swept)
    assert noisy < quiet - 3


def test_references_are_counted_from_1_and_see_the_same_brackets(source):
    seen = list(references(BASELINES, source, 1, 1))
    assert [point.value for point in seen] == [1, 2, 3]
    # The longer the reference, the more of it is clipped; the merge does not depend on that.
    alone = [point.methods['reference']['psnr_l'].mean for point in seen]
    assert alone[2] < alone[0]
