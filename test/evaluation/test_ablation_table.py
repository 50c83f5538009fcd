# SPDX-License-Identifier: Apache-2.0
from functools import partial

import pytest

from ddfnet_ros.evaluation import ablation_table
from ddfnet_ros.evaluation.ablation_studies import FAST, STRUCTURES

table_of = partial(ablation_table.ablation_table, study=STRUCTURES)


@pytest.fixture
def record():
    """Attention is ahead with one seed and behind in the mean."""
    psnr = {'attention_1': 40.0, 'attention_2': 36.0, 'motion_1': 39.0, 'motion_2': 39.5,
            'mean_1': 30.0, 'mean_2': 31.0}
    return {
        'training': {'seeds': [1, 2], 'steps': 800, 'patch': 64, 'batch_size': 2,
                     'minutes': dict.fromkeys(psnr, 6.0)},
        'networks': {name: {'parameters': 423347, 'kmac_per_pixel': 592.4}
                     for name in ('attention', 'motion', 'mean')},
        'evaluation': {
            'methods': {'reference': {'psnr_mu': {'mean': 33.0}},
                        **{name: {'psnr_mu': {'mean': value}} for name, value in psnr.items()}},
            'scenes': 40, 'size': 128, 'seed': 1, 'hardware': 'a CPU', 'device': 'cpu',
            'precision': 'float32', 'commit': 'c0ffee', 'date': '2026-01-02'}}


def test_it_has_the_mean_of_the_seeds_and_each_of_them(record):
    table = table_of(record)
    assert '| Table 3 (e), 4 (b) | **correlation and motion: the paper\'s** | ' \
        '38.00 (40.00, 36.00) | - | - | - | - | - | 423,347 | 592.4 |' in table
    assert '| 3.2.4 | the mean of the frames | 30.50 (30.00, 31.00) |' in table
    assert 'Table 3 (a)' not in table  # nothing was trained
    assert '800 steps of 2 patches of 64x64,' in table.splitlines()[-1]


def test_what_is_ahead_of_ours_is_told_first(record):
    assert table_of(record).startswith(
        'In PSNR-µ ahead of the paper\'s, 38.00 dB: motion alone 39.25.')
    record['evaluation']['methods']['attention_2']['psnr_mu']['mean'] = 39.0
    assert table_of(record).startswith('In PSNR-µ none is ahead of the paper\'s.')


@pytest.mark.parametrize('study', [STRUCTURES, FAST])
def test_without_a_record_the_page_says_so(study):
    assert ablation_table.ablation_table({}, study) == 'Not trained yet.'
