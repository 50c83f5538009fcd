# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from ddfnet_ros import network
from ddfnet_ros.evaluation.ablation import Ablation
from ddfnet_ros.evaluation.ablation_studies import FAST, STRUCTURES, STUDIES
from ddfnet_ros.network.fast_core import FastConfig


def configs(study):
    here = Path()
    ablation = Ablation(study=study, panoramas=here, tested=here, runs=here)
    return {name: network.describe(network.build(ablation.settings(name, 1).network))
            for name in study.variants}


@pytest.mark.parametrize('study', STUDIES.values(), ids=STUDIES)
def test_ours_is_among_the_variants(study):
    assert study.ours in study.variants


def test_structures_and_peers_have_half_their_width():
    found = configs(STRUCTURES)
    ours = [c for c in found.values() if c['architecture'] == 'ddfnet']
    assert {c['width'] for c in ours} == {32}
    assert [(c['structure'], c['gamma_corrected']) for c in ours] == [
        ('concatenation', True), ('correlation', True), ('motion', True), ('warp', True),
        ('attention', True), ('attention', False), ('max', True), ('mean', True)]
    for name in ('ahdrnet', 'deephdr', 'kalantari17'):
        whole = network.describe(network.build({'architecture': name}))
        halves = [found[name][k] for k in ('channels', 'growth') if k in whole]
        wholes = [whole[k] for k in ('channels', 'growth') if k in whole]
        assert [_half(value) for value in wholes] == halves


def _half(value):
    return tuple(x // 2 for x in value) if isinstance(value, tuple) else value // 2


def test_the_small_network_is_changed_in_one_thing_at_a_time():
    found = configs(FAST)
    shipped = found.pop('shipped')
    assert network.build(shipped).config == FastConfig()
    for name, config in found.items():
        changed = {k for k in config if config[k] != shipped[k]}
        flow = {'flow'} if FAST.variants[name].flow != 'dis' else set()
        assert (changed | flow) in ({'channels', 'context'}, *({k} for k in (
            'blocks', 'cell', 'moved', 'residual', 'refined', 'flow')))
