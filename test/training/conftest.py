# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import torch

from ddfnet_ros import network, weights
from ddfnet_ros.images import write_exr
from ddfnet_ros.training.settings import TrainingSettings


@pytest.fixture(scope='session')
def panorama_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('panoramas')
    random = np.random.default_rng(1)
    coarse = random.uniform(0.02, 1.0, (32, 64, 3)).astype(np.float32)
    write_exr(folder / 'noise.exr', coarse.repeat(8, 0).repeat(8, 1))
    return folder


@pytest.fixture
def settings(panorama_folder, tmp_path) -> TrainingSettings:
    """The budgeted recipe, tiny."""
    return TrainingSettings.from_recipe('budget', {
        'panoramas': str(panorama_folder), 'run': str(tmp_path / 'run'), 'steps': 4,
        'batch_size': 1, 'patch': 32, 'workers': 0, 'warmup': 1, 'device': 'cpu',
        'config': ('channels=8', 'blocks=1'),
    })


@pytest.fixture(scope='session')
def pwcnet(tmp_path_factory) -> Path:
    """An untrained PWC-Net as a model file."""
    path = tmp_path_factory.mktemp('models') / 'pwcnet.safetensors'
    torch.manual_seed(3)
    weights.save(network.build({'architecture': 'pwcnet'}), path, {'licence': 'Apache-2.0'},
                 torch.float16)
    return path
