# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from ddfnet_ros.synthesis import motion
from ddfnet_ros.synthesis.bending import Bend
from ddfnet_ros.synthesis.motion import Pose, random_trajectory, similarity
from ddfnet_ros.synthesis.scene_settings import SceneSettings

EXPOSURE = torch.tensor([[4.0, 1.0, 16.0]])


def shift(x: float, y: float, scale: float = 1.0) -> torch.Tensor:
    numbers = (torch.tensor(v) for v in (scale, 0.0, x, y))
    return similarity(*numbers)


def flow(size: int, camera: list, layer: list, bend: Bend | None = None) -> torch.Tensor:
    """Flow of one layer from one instant to another; (P, 2)."""
    none = torch.zeros((2, 1, 1))
    rigid = Bend(amplitude=none, wave=none, phase=torch.zeros((2, 1, 1, 2)))
    pose = Pose(camera=torch.stack(camera)[None], layers=torch.stack(layer)[None, None],
                bend=bend or rigid)
    return motion.flow(size, pose, 0)[0, 0].T


def draw(count: int = 8, seed: int = 1, upright: bool = False, soft: bool = True, **changes):
    settings = SceneSettings(**changes)
    return random_trajectory(
        EXPOSURE.expand(count, 3), 1, torch.full((count, settings.layers), upright),
        torch.full((count, settings.layers), soft), settings,
        torch.Generator().manual_seed(seed))


def test_layer_shift_is_its_flow():
    moved = flow(8, [torch.eye(3)] * 2, [shift(1, 1), shift(4, -1)])
    assert torch.allclose(moved, torch.tensor([3.0, -2.0]).expand(64, 2), atol=1e-5)


def test_camera_shift_moves_still_things_the_other_way():
    moved = flow(8, [torch.eye(3), shift(5, 0)], [torch.eye(3)] * 2)
    assert torch.allclose(moved, torch.tensor([-5.0, 0.0]).expand(64, 2), atol=1e-5)


def test_growing_layer_flows_outwards_from_its_middle():
    moved = flow(9, [torch.eye(3)] * 2, [torch.eye(3), shift(0, 0, scale=2.0)])
    assert torch.allclose(moved[40], torch.zeros(2), atol=1e-5)
    assert torch.allclose(moved[80], torch.tensor([4.0, 4.0]), atol=1e-5)


def test_mirrored_view_sees_mirrored_flow():
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    moved = flow(8, [mirror] * 2, [shift(0, 0), shift(3, 2)])
    assert torch.allclose(moved, torch.tensor([-3.0, 2.0]).expand(64, 2), atol=1e-5)


def test_bending_layer_flows_row_by_row():
    amplitude = torch.tensor([2.0, 0.0])[:, None, None]
    phase = torch.tensor([[0.0, torch.pi / 2], [0.0, 0.0]])[:, None, None]
    bend = Bend(amplitude=amplitude, wave=torch.zeros((2, 1, 1)), phase=phase)
    # A texture point that the wave makes a pixel look at 2 px to its right appears to its left.
    moved = flow(8, [torch.eye(3)] * 2, [torch.eye(3)] * 2, bend)
    assert torch.allclose(moved, torch.tensor([-2.0, 0.0]).expand(64, 2), atol=1e-5)


def test_reference_camera_turns_and_mirrors_but_neither_shifts_nor_scales():
    view = draw(200).frames.camera[:, 0]
    assert view[:, :2, 2].abs().max() < 1e-5
    torch.testing.assert_close(
        view[:, :2, :2] @ view[:, :2, :2].mT, torch.eye(2).expand(200, 2, 2), atol=1e-5, rtol=0)
    mirrored = torch.linalg.det(view) < 0
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=0.12)
    steep = view[:, :2, :2].abs().amax(dim=(1, 2)) < 0.95
    assert 0.05 < steep.float().mean() < 0.4


def test_upright_layers_stand_and_move_along_the_ground():
    path = draw(upright=True, layers=40).frames.layers
    sine = path[..., 1, 0] / path[..., :2, 0].norm(dim=-1)
    assert sine.abs().median() < 0.1
    step = path[:, :, 2, :2, 2] - path[:, :, 0, :2, 2]
    fast = step.norm(dim=-1) > 5
    assert step[fast][:, 0].abs().mean() > 3 * step[fast][:, 1].abs().mean()


def test_only_soft_layers_bend():
    assert draw(layers=20).frames.bend.amplitude.max() > 3
    assert draw(layers=20, soft=False).frames.bend.amplitude.max() == 0


def test_no_layer_is_faster_than_allowed_and_some_are_fast():
    place = draw(layers=40, max_motion=20.0).frames.layers[..., :2, 2]
    step = (place[:, :, 1:] - place[:, :, :1]).norm(dim=-1)
    assert step.max() < 20.0 * 1.3
    assert (step > 10).float().mean() > 0.1
    assert (step < 1e-4).float().mean() > 0.1


def test_without_blur_each_frame_is_one_moment():
    path = draw(instants=1)
    assert path.frame.tolist() == [0, 1, 2]
    torch.testing.assert_close(path.moments.camera, path.frames.camera)


def test_longer_frames_are_averaged_over_more_moments_around_the_same_middle():
    path = draw(instants=8, shake=20.0, seed=3)
    assert torch.bincount(path.frame).tolist() == [2, 1, 8]
    assert path.moments.camera.shape == (8, 11, 3, 3)
    for frame in range(3):
        moments = path.moments.camera[:, path.frame == frame, :2, 2]
        middle = path.frames.camera[:, frame, :2, 2]
        torch.testing.assert_close(moments.mean(dim=1), middle, atol=1e-3, rtol=0)


def test_blur_lasts_in_proportion_to_the_exposure():
    time = motion._random_times(
        EXPOSURE, 1, torch.tensor([0, 0, 1, 1, 2, 2]), torch.Generator().manual_seed(1))[0, 3:]
    length = time.unflatten(0, (3, 2)).diff(dim=1)[:, 0]
    torch.testing.assert_close(length / length[1], EXPOSURE[0], rtol=1e-4, atol=0)
    assert 0 < length[2] <= 0.4 + 1e-6
