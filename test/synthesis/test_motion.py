# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.synthesis import motion
from ddfnet_ros.synthesis.motion import random_trajectory, similarity
from ddfnet_ros.synthesis.scene_settings import SceneSettings


def shift(x: float, y: float, scale: float = 1.0) -> torch.Tensor:
    numbers = (torch.tensor(v) for v in (scale, 0.0, x, y))
    return similarity(*numbers)


def test_layer_shift_is_its_flow():
    flow = motion.flow(8, torch.eye(3), shift(1, 1), shift(4, -1))
    assert torch.allclose(flow, torch.tensor([3.0, -2.0]).expand(64, 2), atol=1e-5)


def test_camera_shift_moves_still_things_the_other_way():
    flow = motion.flow(8, shift(5, 0), torch.eye(3), torch.eye(3))
    assert torch.allclose(flow, torch.tensor([-5.0, 0.0]).expand(64, 2), atol=1e-5)


def test_growing_layer_flows_outwards_from_its_middle():
    flow = motion.flow(9, torch.eye(3), torch.eye(3), shift(0, 0, scale=2.0))
    middle, corner = flow[40], flow[80]
    assert torch.allclose(middle, torch.zeros(2), atol=1e-5)
    assert torch.allclose(corner, torch.tensor([4.0, 4.0]), atol=1e-5)


def test_camera_stands_at_the_identity_at_the_reference_instant():
    exposure = torch.tensor([[4.0, 1.0, 16.0]]).expand(6, 3)
    settings = SceneSettings(instants=3)
    path = random_trajectory(exposure, 1, settings, torch.Generator().manual_seed(1))
    assert torch.allclose(path.camera[:, 0, path.middle], torch.eye(3).expand(6, 3, 3), atol=1e-6)
    assert path.layers.shape == (6, settings.layers, 3, 3, 3, 3)


def test_no_layer_is_faster_than_allowed():
    settings = SceneSettings(layers=40, max_motion=20.0)
    exposure = torch.tensor([[4.0, 1.0, 16.0]]).expand(8, 3)
    path = random_trajectory(exposure, 1, settings, torch.Generator().manual_seed(2))
    place = path.layers[..., :2, 2]
    step = (place[:, :, 1:] - place[:, :, :1]).norm(dim=-1)
    assert step.max() < 20.0 * 1.2
    assert step.max() > 5
