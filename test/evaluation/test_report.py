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
    assert 'ahdrnet: Not trained yet.' in report.peers_table(record)
    record['methods']['ahdrnet'] = record['methods']['reference']
    assert 'ahdrnet: Not' not in report.peers_table(record)


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


def test_the_demo_tells_pace_latency_and_who_is_best():
    methods = {'reference': 31.0, 'static_merge': 36.0, 'fused': 40.0}
    table = report.demo_table({
        'brackets_fused': 83, 'brackets_played': 84, 'brackets_per_second': 5.17, 'model': 'fast',
        'device': 'cpu', 'latency_ms': {'median': 131.6, 'p95': 151.7}, 'psnr_mu': methods,
        'psnr_mu_moving': methods | {'reference': 41.0}, 'psnr_mu_clipped': methods,
        'ghost_score': {'reference': 0.012, 'static_merge': 0.03, 'fused': 0.011}})
    assert '83 of 84 brackets fused at 5.2 a second by fast on cpu' in table
    assert '132 ms in the median, 152 ms' in table
    assert '| PSNR-µ [dB] | 31.00 | 36.00 | **40.00** |' in table
    assert '| PSNR-µ, moving | 41.00 | 36.00 | 40.00 |' in table
    assert '| 0.0120 | 0.0300 | **0.0110** |' in table


def test_the_node_is_judged_by_its_limit_output_by_output():
    def row(to_dds, to_python, publishing, lost):
        return {'to_dds': {'median': to_dds, 'iqr': [to_dds - 1, to_dds + 2]}, 'lost': lost,
                'to_python': {'median': to_python}, 'publishing': {'median': publishing}}

    table = report.node_table({
        'limit_ms': 25.0, 'brackets': 30, 'machine': '2 cores', 'load': 0.1,
        'overhead_ms': {'image': row(9.91, 24.9, 2.0, 0), 'hdr': row(26.64, 66.0, 12.0, 1)}})
    assert table.startswith('Beyond 25 ms: hdr.')
    assert '| `~/image` | 9.9 ms (8.9 to 11.9) | 24.9 ms | 2.0 ms | 0 of 30 |' in table
    assert '| `~/hdr` | 26.6 ms (25.6 to 28.6) | 66.0 ms | 12.0 ms | 1 of 30 |' in table
    assert table.endswith('2 cores; load 0.1 before it began.')


def test_cameras_that_were_not_measured_are_told_with_the_command():
    assert 'python -m benchmark.cameras' in report.cameras_table({})


def test_cameras_are_told_layout_by_layout():
    table = report.cameras_table({
        'cores': 2, 'load': 0.1,
        'options': {'cameras': 2, 'size': '720p', 'period': 0.1, 'model': 'fast'},
        'layouts': {
            'one process': {'results_per_second': [1.25, 1.2], 'age_ms': [800.4, 812.0],
                            'memory_mb': 900},
            'a process each': {'results_per_second': [1.0, 0.0], 'age_ms': [1200.0, None],
                               'memory_mb': 1500}}})
    assert '| one process | 1.25, 1.20 | 800, 812 ms | 900 MiB |' in table
    assert '| a process each | 1.00, 0.00 | 1200, none ms | 1500 MiB |' in table
    assert table.endswith('2 cameras of 720p, 10 brackets per second each, by `fast`; 2 cores, '
                          'load 0.1 before it began.')
