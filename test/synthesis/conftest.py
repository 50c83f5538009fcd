# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from ddfnet_ros.images import write_exr
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank


@pytest.fixture(scope='session')
def panorama_folder(tmp_path_factory) -> Path:
    """Two panoramas of smooth noise with a bright sun each."""
    folder = tmp_path_factory.mktemp('panoramas')
    random = np.random.default_rng(1)
    for name in ('morning', 'evening'):
        coarse = random.uniform(0.05, 1.0, (32, 64, 3)).astype(np.float32)
        picture = coarse.repeat(8, 0).repeat(8, 1)
        picture[60:64, 200:204] = 400.0
        write_exr(folder / f'{name}.exr', picture)
    return folder


@pytest.fixture(scope='session')
def panoramas(panorama_folder) -> PanoramaBank:
    return PanoramaBank(panorama_folder)
