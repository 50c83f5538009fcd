# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest

from ddfnet_ros import network, weights
from ddfnet_ros.evaluation import ablation
from ddfnet_ros.evaluation.ablation import (
    VARIANTS,
    Ablation,
    ablation_table,
    carry_out_ablation,
)


@pytest.fixture
def tiny(folder, tmp_path):
    return Ablation(panoramas=folder, tested=folder, runs=tmp_path, width=4, patch=32, steps=2,
                    scenes=1, size=64, variants=('attention', 'ldr'), seeds=(1, 2))


@pytest.fixture
def record():
    """Attention is ahead with one seed and behind in the mean."""
    psnr = {'attention_1': 40.0, 'attention_2': 36.0, 'motion_1': 39.0, 'motion_2': 39.5,
            'mean_1': 30.0, 'mean_2': 31.0}
    return {
        'training': {'seeds': [1, 2], 'steps': 800, 'patch': 64, 'width': 32,
                     'minutes': dict.fromkeys(psnr, 6.0)},
        'evaluation': {
            'methods': {'reference': {'psnr_mu': {'mean': 33.0}},
                        **{name: {'psnr_mu': {'mean': value}} for name, value in psnr.items()}},
            'scenes': 40, 'size': 128, 'seed': 1, 'hardware': 'a CPU', 'device': 'cpu',
            'precision': 'float32', 'commit': 'c0ffee', 'date': '2026-01-02'}}


def test_all_are_trained_alike_but_for_their_structure(tiny):
    first, *others = [tiny.settings(variant, 1) for variant in VARIANTS]
    for other in others:
        assert replace(other, config=(), run='') == replace(first, config=(), run='')
    built = [network.describe(network.build(s.network)) for s in (first, *others)]
    assert all(config['width'] == 4 for config in built)
    assert [(c['structure'], c['gamma_corrected']) for c in built] == [
        ('concatenation', True), ('correlation', True), ('motion', True), ('warp', True),
        ('attention', True), ('attention', False), ('max', True), ('mean', True)]


def test_every_variant_is_trained_and_measured_once_per_seed(tiny, monkeypatch):
    found = carry_out_ablation(tiny, 'cpu', workers=0)
    names = ['attention_1', 'ldr_1', 'attention_2', 'ldr_2']
    assert list(found['evaluation']['methods']) == ['reference', 'static_merge', *names]
    digests = {name: weights.load(tiny.runs / f'{name}.safetensors').sha256 for name in names}
    assert found['evaluation']['sha256'] == digests
    assert len(set(digests.values())) == 4
    assert list(found['training']['minutes']) == names
    assert ablation_table(json.loads(json.dumps(found))).count('| Table') == 2
    # What is trained is not trained again.
    monkeypatch.setattr(ablation, 'ship', lambda run, path, half: None)
    again = carry_out_ablation(tiny, 'cpu', workers=0)
    assert again['evaluation']['sha256'] == digests
    assert again['training'] == found['training']


def test_an_unknown_variant_is_refused(tiny):
    with pytest.raises(ValueError, match=r'variants: expected some of concatenation, .* got sum'):
        replace(tiny, variants=('sum',))


def test_the_table_has_the_mean_of_the_seeds_and_each_of_them(record):
    table = ablation_table(record)
    assert '| Table 3 (e), 4 (b) | **correlation and motion: the paper\'s** | ' \
        '38.00 (40.00, 36.00) | - |' in table
    assert '| 3.2.4 | the mean of the frames | 30.50 (30.00, 31.00) |' in table
    assert 'Table 3 (a)' not in table  # nothing was trained
    assert '800 steps of two 64x64 patches' in table.splitlines()[-1]


def test_what_is_ahead_of_the_papers_structure_is_told_first(record):
    assert ablation_table(record).startswith(
        'In PSNR-µ ahead of the paper\'s, 38.00 dB: motion alone 39.25.')
    record['evaluation']['methods']['attention_2']['psnr_mu']['mean'] = 39.0
    assert ablation_table(record).startswith('In PSNR-µ no structure is ahead of the paper\'s.')


def test_without_a_record_the_page_says_so():
    assert ablation_table({}) == 'Not trained yet.'
