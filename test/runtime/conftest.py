# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.fallback import FallbackDeghoster

from .shortages import SHORTAGES, Hungry, settings_for


def small_fast(blocks=1):
    """A small untrained `fast` whose every layer matters."""
    torch.manual_seed(1)
    model = FastFusion(FastConfig(channels=8, context=8, blocks=blocks)).eval()
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=0.3)
    return model


@pytest.fixture(scope='session')
def fallback_models(tmp_path_factory):
    """A folder with small untrained models: `fast`, and `other` of another structure."""
    folder = tmp_path_factory.mktemp('fallback')
    weights.save(small_fast(), folder / 'fast.safetensors', {})
    weights.save(DDFNet(DDFNetConfig(structure='mean')), folder / 'other.safetensors', {})
    return folder


@pytest.fixture
def fallback_of(fallback_models, monkeypatch):
    """Makes a deghoster whose network needs memory for as many rows as it is given."""
    monkeypatch.setenv('DDFNET_MODELS', str(fallback_models))
    monkeypatch.setenv('AMENT_PREFIX_PATH', '')

    def make(model='fast', rows=10**6, error=SHORTAGES['torch on a GPU'], brackets=9):
        made = FallbackDeghoster(settings_for(model))
        made._first._stacked.model = Hungry(made._first._stacked.model, rows, error, brackets)
        return made
    return make
