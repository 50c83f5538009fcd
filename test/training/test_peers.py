# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.training.shipping import ship
from ddfnet_ros.training.train import train


@pytest.mark.parametrize(('architecture', 'config'), [
    ('ahdrnet', ('channels=8', 'layers=2', 'growth=4')), ('deephdr', ('channels=4',)),
    ('kalantari17', ('channels=[8,8,4]',))])
def test_peers_are_trained_and_shipped_as_our_own_networks_are(settings, architecture, config):
    settings = replace(settings, architecture=architecture, config=config, vary_brackets=False,
                       steps=2)
    trained = train(settings)
    path = Path(settings.run) / f'{architecture}.safetensors'
    ship(Path(settings.run), path, half=False)
    model = weights.load(path).model
    for name, value in trained.average.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
