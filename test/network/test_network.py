# SPDX-License-Identifier: Apache-2.0
import pytest

from ddfnet_ros.network import fixed_frames
from ddfnet_ros.network.ahdrnet import AHDRNet, AHDRNetConfig
from ddfnet_ros.network.ddfnet import DDFNet, DDFNetConfig
from ddfnet_ros.network.fast import FastConfig, FastFusion


@pytest.mark.parametrize(('model', 'frames'), [
    (AHDRNet(AHDRNetConfig(channels=4)), 3), (FastFusion(FastConfig(channels=8)), None),
    (DDFNet(DDFNetConfig(structure='concatenation', frames=5)), 5), (DDFNet(), None)])
def test_only_some_networks_ask_how_many_frames_there_are(model, frames):
    assert fixed_frames(model) == frames
