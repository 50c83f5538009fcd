# SPDX-License-Identifier: Apache-2.0
"""Small networks, and TensorRT in their place."""

import torch

from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime.tensorrt.engines import Engines
from ddfnet_ros.runtime.tensorrt.fusion import TensorRTFusion

CUDA = torch.device('cuda')


def network():
    """A small one whose every layer matters."""
    torch.manual_seed(0)
    model = FastFusion(FastConfig(channels=8, context=8, blocks=1)).eval()
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=3)
    return model


def engines_of(model=None):
    return Engines(model or network(), CUDA, torch.bfloat16, 'ab12')


def fusion_of(model=None):
    return TensorRTFusion(model or network(), CUDA, torch.bfloat16, 'ab12')
