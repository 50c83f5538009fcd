# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest

from ddfnet_ros import weights
from ddfnet_ros.evaluation import ablation
from ddfnet_ros.evaluation.ablation import Ablation, carry_out_ablation
from ddfnet_ros.evaluation.ablation_studies import STUDIES, Study, Variant
from ddfnet_ros.evaluation.ablation_table import ablation_table

TINY = Study(
    variants={'attention': Variant('Table 3 (e)', 'both', 'ddfnet', ('width=4',)),
              'small': Variant('small', 'of another kind', 'fast', ('channels=4',), 'none')},
    ours='attention', ours_label='the paper\'s',
    recipe={'vary_brackets': False, 'steps': 2, 'patch': 32, 'batch_size': 1}, size='Tiny')


@pytest.fixture
def tiny(folder, tmp_path):
    return Ablation(study=TINY, panoramas=folder, tested=folder, runs=tmp_path, scenes=1, size=64)


@pytest.mark.parametrize('name', STUDIES)
def test_all_are_trained_alike_but_for_network_and_motion(tiny, name):
    study = STUDIES[name]
    whole = replace(tiny, study=study)
    first, *others = [whole.settings(variant, 1) for variant in study.variants]
    same = {'config': (), 'run': '', 'architecture': 'fast', 'flow': 'dis'}
    for other in others:
        assert replace(other, **same) == replace(first, **same)
    assert len({other.run for other in others}) == len(others)


def test_every_variant_is_trained_and_measured_once_per_seed(tiny, monkeypatch):
    found = carry_out_ablation(tiny, 'cpu', workers=0)
    names = ['attention_1', 'small_1', 'attention_2', 'small_2']
    assert list(found['evaluation']['methods']) == ['reference', 'static_merge', *names]
    digests = {name: weights.load(tiny.runs / f'{name}.safetensors').sha256 for name in names}
    assert found['evaluation']['sha256'] == digests
    assert len(set(digests.values())) == 4
    assert weights.load(tiny.runs / 'small_1.safetensors').card['flow'] == 'none'
    assert list(found['training']['minutes']) == names
    assert found['networks']['attention']['kmac_per_pixel'] > 1
    assert ablation_table(json.loads(json.dumps(found)), TINY).count('| small |') == 1
    # What is trained is not trained again.
    monkeypatch.setattr(ablation, 'ship', lambda run, path, half: None)
    again = carry_out_ablation(tiny, 'cpu', workers=0)
    assert again['evaluation']['sha256'] == digests
    assert again['training'] == found['training']


def test_an_unknown_variant_is_refused(tiny):
    with pytest.raises(ValueError, match='variants: expected some of attention, small, got sum'):
        replace(tiny, variants=('sum',))
