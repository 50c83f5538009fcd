# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.network.fast import FastConfig, FastFusion


def small_fast(blocks=1):
    """A small untrained `fast` whose every layer matters."""
    torch.manual_seed(1)
    model = FastFusion(FastConfig(channels=8, context=8, blocks=blocks)).eval()
    torch.nn.init.normal_(model.core.frame_head[-1].weight, std=0.3)
    return model
