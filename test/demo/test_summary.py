# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import pytest

KEYS = ['brackets_played', 'brackets_fused', 'brackets_per_second', 'rate', 'dropped',
        'latency_ms', 'psnr_mu', 'psnr_mu_moving', 'psnr_mu_clipped', 'ghost_score', 'model',
        'device']


def test_summary_file_has_exactly_the_promised_keys(good, tmp_path):
    good.write(tmp_path / 'summary.json')
    written = json.loads((tmp_path / 'summary.json').read_text())
    assert list(written) == KEYS
    for name in ('psnr_mu', 'psnr_mu_moving', 'psnr_mu_clipped', 'ghost_score'):
        assert set(written[name]) == {'reference', 'static_merge', 'fused'}
    assert set(written['latency_ms']) == {'median', 'p95'}


def test_good_figures_miss_no_bar(good):
    assert good.missed_bars() == []


@pytest.mark.parametrize('change', [
    {'brackets_fused': 91},
    {'brackets_played': 0, 'brackets_fused': 0},
    {'brackets_per_second': 4.99},
    {'psnr_mu': {'reference': 30.0, 'static_merge': 31.0, 'fused': 32.4}},
    {'psnr_mu': {'reference': 32.0, 'static_merge': 31.0, 'fused': 33.0}},
    {'psnr_mu_moving': {'reference': 28.0, 'static_merge': 20.0, 'fused': 27.9}},
    {'psnr_mu_clipped': {'reference': 18.0, 'static_merge': 25.0, 'fused': 24.9}},
    {'ghost_score': {'reference': 0.02, 'static_merge': 0.2, 'fused': 0.0211}},
    {'ghost_score': {'reference': 0.02, 'static_merge': 0.2, 'fused': float('nan')}},
])
def test_each_missed_bar_is_one_line_that_names_the_figure(good, change):
    missed = dataclasses.replace(good, **change).missed_bars()
    assert len(missed) == 1
    assert missed[0].split(':')[0] in change
    assert 'expected' in missed[0]
    assert 'got' in missed[0]


def test_nothing_that_moves_misses_no_bar(good):
    nothing = dict.fromkeys(('reference', 'static_merge', 'fused'))
    still = dataclasses.replace(good, psnr_mu_moving=nothing, psnr_mu_clipped=nothing,
                                ghost_score=nothing)
    assert still.missed_bars() == []
