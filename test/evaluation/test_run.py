# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ddfnet_ros import weights
from ddfnet_ros.evaluation import run
from ddfnet_ros.evaluation.conditions import Condition
from ddfnet_ros.evaluation.plan import Plan
from ddfnet_ros.evaluation.run import carry_out
from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings


@pytest.fixture
def fusion(folder, monkeypatch):
    monkeypatch.setenv('DDFNET_MODELS', str(folder))
    return DeghosterSettings(model='fast', device='cpu')


def plan(folder, **changes):
    return Plan(**{'panoramas': folder, 'scenes': 1, 'size': 64, **changes})


def test_more_models_and_peers_are_compared_under_their_names(folder, fusion):
    models = (str(folder / 'fast.safetensors'),)
    found = carry_out(plan(folder, models=models, peers=('debevec',)), fusion)
    assert list(found.methods) == ['reference', 'static_merge', 'debevec', 'fused', 'fast']
    assert found.methods['fused'] == found.methods['fast']
    checksum = weights.load(folder / 'fast.safetensors').sha256
    assert found.sha256 == {'fused': checksum, 'fast': checksum}
    assert found.points == []


@pytest.mark.parametrize('name', ['fast', 'reference', 'fused'])
def test_models_of_one_name_would_replace_each_other(folder, fusion, tmp_path, name):
    path = tmp_path / f'{name}.safetensors'
    path.write_bytes((folder / 'fast.safetensors').read_bytes())
    with pytest.raises(ValueError, match=f'--models: expected .* got {name}; rename'):
        carry_out(plan(folder, models=('fast', str(path))), fusion)


def test_references_have_a_point_each(folder, fusion):
    found = carry_out(plan(folder, study='references', frames=2), fusion)
    assert [(point.axis, point.value) for point in found.points] == [
        ('reference', 1), ('reference', 2)]
    assert found.methods == found.points[0].methods
    assert list(found.methods) == ['reference', 'static_merge', 'fused', 'fused, halos left']
    assert list(found.sha256) == ['fused']


def test_halos_are_left_where_the_name_says_so(folder, fusion):
    longest = carry_out(plan(folder, study='references', scenes=3), fusion).points[2].methods
    mended, left = (longest[name]['halo_score'].mean for name in ('fused', 'fused, halos left'))
    assert mended < left
    left_as_told = carry_out(plan(folder, study='references', scenes=3),
                             replace(fusion, mend_halos=False)).points[2].methods
    assert left_as_told['fused'] == longest['fused, halos left']


def test_robustness_tells_the_failures_of_models_but_not_of_peers(folder, fusion, monkeypatch):
    monkeypatch.setattr(run, 'axes', lambda size: {
        'noise': {0.0: Condition(), 0.1: Condition(sigma=0.1)}})
    found = carry_out(plan(folder, study='robustness'), fusion)
    assert [(f.axis, f.method, f.metric) for f in found.failures] == [
        ('noise', 'fused', 'psnr_mu'), ('noise', 'fused', 'psnr_mu_moving')]


def test_networks_for_three_frames_are_left_out_where_there_are_others(folder, fusion):
    weights.save(AHDRNet(AHDRNetConfig(channels=4, layers=1, growth=4)),
                 folder / 'ahdrnet.safetensors', {})
    found = carry_out(plan(folder, models=('ahdrnet',), frames=2), fusion)
    assert found.methods['ahdrnet'] == {}
    assert carry_out(plan(folder, models=('ahdrnet',)), fusion).methods['ahdrnet']['psnr_mu']


def test_others_networks_get_no_help_of_ours(folder, fusion, monkeypatch):
    weights.save(AHDRNet(AHDRNetConfig(channels=4, layers=1, growth=4)),
                 folder / 'ahdrnet.safetensors', {})
    helped, fuse = {}, Deghoster.__call__

    def noted(deghoster, bracket, settings):
        helped[deghoster.architecture] = settings.mend_halos, settings.guard_reference
        return fuse(deghoster, bracket, settings)

    monkeypatch.setattr(Deghoster, '__call__', noted)
    carry_out(plan(folder, models=('ahdrnet',)), fusion)
    assert helped == {'fast': (True, True), 'ahdrnet': (False, False)}


def test_any_of_many_noisy_frames_can_be_the_reference(folder, fusion):
    noisy = plan(folder, frames=5, sigma=0.03)
    median = carry_out(noisy, fusion)
    longest = carry_out(noisy, DeghosterSettings(model='fast', device='cpu', reference=5))
    assert median.methods['reference'] != longest.methods['reference']


def test_latest_frame_is_no_reference_of_scenes_without_stamps(folder):
    with pytest.raises(ValueError, match=r'--reference: expected 1 to 3, .* got latest'):
        carry_out(plan(folder), DeghosterSettings(model='fast', device='cpu', reference='latest'))


@pytest.mark.parametrize('frames', [2, 3])
def test_a_reference_beyond_the_frames_is_refused(folder, frames):
    with pytest.raises(ValueError, match=f'--reference: expected 1 to {frames}, or 0 .* got 4; '):
        carry_out(plan(folder, frames=frames),
                  DeghosterSettings(model='fast', device='cpu', reference=4))


def test_sequences_without_truth_have_only_what_their_frames_tell(fusion, tmp_path):
    coarse = np.random.default_rng(1).uniform(0.002, 0.2, (8, 8, 3))
    radiance = np.clip(cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC), 0.002, 1)
    for name, ratio in (('1', 1), ('2', 4), ('3', 16)):
        ldr = np.clip(radiance * ratio, 0, 1) ** (1 / 2.2) * 255
        cv2.imwrite(str(tmp_path / f'{name}.png'), ldr.astype(np.uint8))
    found = carry_out(Plan(dataset='fang', root=tmp_path), fusion)
    assert found.panoramas == [tmp_path.name]
    assert found.scenes == 1
    assert set(found.methods['fused']) == {'mef_ssim', 'mef_ssim_moving'}
