# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros import weights
from ddfnet_ros.images import write_exr
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import SceneSettings
from ddfnet_ros.synthesis.scenes import SceneSource


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """An untrained `fast` and a panorama of coloured blots, five stops deep."""
    folder = tmp_path_factory.mktemp('evaluation')
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=8, blocks=1)), folder / 'fast.safetensors', {})
    blots = np.exp2(np.random.default_rng(0).uniform(-3, 2, (32, 64, 3)))
    write_exr(folder / 'blots.exr', cv2.resize(blots, (1024, 512)).astype(np.float32))
    return folder


@pytest.fixture(scope='session')
def source(folder):
    return SceneSource(PanoramaBank(folder), SceneSettings(size=64, max_motion=20.0))
