# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from ddfnet_ros.evaluation import report
from ddfnet_ros.evaluation.evaluate import Statistic
from ddfnet_ros.evaluation.record import Evaluation, Failure, Point


def methods(ours, alone, ghost=0.01):
    return {
        'reference': {'psnr_mu': Statistic.of([alone]), 'psnr_mu_bright_still':
                      Statistic.of([48.0]), 'ghost_score': Statistic.of([0.02])},
        'mertens': {'mef_ssim': Statistic.of([0.9])},
        'fused': {'psnr_mu': Statistic.of([ours, ours + 2]), 'psnr_mu_bright_still':
                  Statistic.of([47.0]), 'ghost_score': Statistic.of([ghost])},
    }


@pytest.fixture
def record():
    points = [Point('noise', value, methods(ours, 30.0)) for value, ours in
              ((0.0, 40.0), (0.03, 32.0), (0.1, 20.0))]
    points += [Point(axis, value, methods(40.0, 30.0)) for axis, value in (
        ('ratio', 2.0), ('frames', 3.0), ('motion', 0.0), ('exposure', 1.0), ('response', 2.2))]
    return json.loads(Evaluation(
        study='robustness', model='fast', sha256={'fused': '0123456789abcdef'}, device='cpu',
        hardware='a CPU', precision='float32', panoramas=['a.exr'], scenes=2, size=64, seed=1,
        methods=methods(40.0, 30.0), points=points, commit='c0ffee', date='2026-01-02',
        failures=[Failure('noise', 'fused', 'psnr_mu', None, 0.1),
                  Failure('noise', 'fused', 'psnr_mu_moving', None, None)]).to_json())


def test_a_row_has_mean_and_spread(record):
    table = report.peers_table(record)
    row = next(line for line in table.splitlines() if line.startswith('| **fused**'))
    assert row.split(' | ')[1] == '41.00 ± 1.00'
    assert '| mertens (Mertens et al. 2007) | - |' in table


def test_losses_come_first(record):
    assert report.peers_table(record).startswith('`fused` loses nowhere.')
    record['methods']['reference']['ghost_score']['mean'] = 0.001
    assert report.peers_table(record).startswith(
        'Where `fused` loses: ghost score: reference 0.0010, fused 0.0100.')


def test_methods_without_figures_are_named_with_their_reason(record):
    assert 'photomatix: A commercial program' in report.peers_table(record)


def test_a_network_that_was_trained_after_all_is_not_missing(record):
    assert 'ahdrnet: No weights are shipped; ' in report.peers_table(record)
    record['methods']['ahdrnet'] = record['methods']['reference']
    assert 'ahdrnet: No weights' not in report.peers_table(record)


def test_every_table_says_what_it_is_of(record):
    for table in (report.peers_table, report.brightness_table, report.noise_table,
                  report.references_table, report.failures_table):
        last = table(record).splitlines()[-1]
        for told in ('Scenes: 2, 64 pixels', 'fast', '0123456789ab', 'c0ffee', '2026-01-02'):
            assert told in last, table


def test_well_exposed_pixels_below_the_reference_are_told(record):
    assert report.brightness_table(record).startswith(
        'Below the untouched reference in well-exposed pixels: 0.3 to 0.95, still: 47.00 against')


def test_brightness_rows_hold_their_class(record):
    assert '| 0.3 to 0.95, still | 48.00 ± 0.00 | 47.00 ± 0.00 | 1 |' in report.brightness_table(
        record)


def test_failure_points_are_named(record):
    assert ('| Gaussian noise, sigma | fused | fails at 0.1 | better everywhere, 0 to 0.1 |'
            in report.failures_table(record))


def test_charts_are_drawn_from_the_same_record(record):
    assert 'stroke-dasharray' in report.robustness_chart(record)
    assert report.peers_chart(record).count('<rect') == 3  # the paper, and two boxes
