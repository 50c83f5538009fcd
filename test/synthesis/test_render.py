# SPDX-License-Identifier: Apache-2.0
import torch

from ddfnet_ros.flow.warp import warp
from ddfnet_ros.synthesis.bending import Bend
from ddfnet_ros.synthesis.layers import Layers
from ddfnet_ros.synthesis.motion import Pose, Trajectory, similarity
from ddfnet_ros.synthesis.render import LayeredScene, render
from ddfnet_ros.synthesis.scene_settings import LAYER

SIZE = 32


def layer(red: float = 0.0, alpha: float = 0.0, mask: float = 0.0) -> torch.Tensor:
    texture = torch.zeros((5, LAYER, LAYER))
    texture[0], texture[3], texture[4] = red, alpha, mask
    return texture


def stage(*textures: torch.Tensor, light: float = 0.0, frames: int = 2) -> LayeredScene:
    count = len(textures)
    layers = Layers(
        texture=torch.stack(textures)[None], light=torch.full((1, count, frames, 3), light),
        upright=torch.zeros((1, count), dtype=torch.bool),
        soft=torch.zeros((1, count), dtype=torch.bool))
    return LayeredScene(backdrop=torch.full((1, 3, 96, 96), 0.5), layers=layers)


def path(shifts: list[list[float]], frame: list[int]) -> Trajectory:
    """Each layer shifted along x at every moment; frames are at the first moment of each."""
    def pose(columns: list[int]) -> Pose:
        x = torch.tensor(shifts, dtype=torch.float32)[None][:, :, columns]
        count = len(columns)
        none = torch.zeros((2, 1, len(shifts)))
        return Pose(
            camera=torch.eye(3).repeat(1, count, 1, 1),
            layers=similarity(torch.full_like(x, 8 / LAYER), 0 * x, x, 0 * x),
            bend=Bend(amplitude=none, wave=none, phase=torch.zeros((2, 1, len(shifts), count))))

    first = [frame.index(k) for k in sorted(set(frame))]
    return Trajectory(frames=pose(first), moments=pose(list(range(len(frame)))),
                      frame=torch.tensor(frame))


def test_fine_texture_seen_small_is_averaged_instead_of_sampled():
    stripes = layer(alpha=1.0)
    stripes[0] = 2.0 * (torch.arange(LAYER) % 2)
    radiance, _ = render(stage(stripes), path([[0.0, 0.3]], [0, 1]), SIZE)
    seen = radiance[0, :, 0, 15:17, 14:18]
    torch.testing.assert_close(seen, torch.ones_like(seen), atol=1e-3, rtol=0)


def test_last_layer_is_in_front():
    radiance, _ = render(stage(layer(1.0, 1.0), layer(2.0, 1.0)), path([[0, 0], [0, 0]], [0, 1]),
                         SIZE)
    assert radiance[0, 0, 0, 16, 16] == 2
    assert radiance[0, 0, 0, 0, 0] == 0.5


def test_layer_in_front_hides_the_light_behind_it():
    lamp, screen = layer(mask=1.0), layer(1.0, 1.0)
    shining = stage(lamp, screen, light=100.0)
    shining.layers.light[:, 1] = 0
    radiance, _ = render(shining, path([[0, 0], [0, 20]], [0, 1]), SIZE)
    assert radiance[0, 0, 0, 16, 16] == 1
    assert radiance[0, 1, 0, 16, 16] == 100.5


def test_light_is_that_of_each_frame():
    flickering = stage(layer(mask=1.0))
    flickering.layers.light[0, 0, 1] = 7.0
    radiance, _ = render(flickering, path([[0, 0, 0]], [0, 1, 1]), SIZE)
    assert radiance[0, :, 0, 16, 16].tolist() == [0.5, 7.5]


def test_motion_blur_averages_the_moments_of_a_frame():
    radiance, _ = render(stage(layer(2.5, 1.0)), path([[0, 0, 12]], [0, 1, 1]), SIZE)
    assert radiance[0, 0, 0, 16, 16] == 2.5
    assert radiance[0, 1, 0, 16, 16] == 1.5
    assert radiance[0, 1, 0, 16, 28] == 1.5


def test_flow_of_a_bending_layer_seen_by_a_moving_camera_is_exact():
    wave = torch.linspace(0, 12, LAYER).sin()
    texture = layer(alpha=1.0)
    texture[:3] = 1 + 0.5 * wave * wave[:, None]
    once, numbers = path([[0, 0]], [0, 1]), torch.Generator().manual_seed(1)
    camera = similarity(*torch.tensor([[1.0, 1.02], [0.1, 0.16], [0.0, 1.5], [0.0, -1.0]]))
    layers = similarity(*torch.tensor([[0.6, 0.62], [0.2, 0.1], [0.0, 3.0], [0.0, 1.0]]))
    bend = Bend(amplitude=torch.tensor([6.0, 4.0])[:, None, None],
                wave=torch.tensor([0.05, 0.08])[:, None, None],
                phase=6 * torch.rand((2, 1, 1, 2), generator=numbers))
    pose = Pose(camera=camera[None], layers=layers[None, None], bend=bend)
    radiance, flow = render(
        stage(texture), Trajectory(frames=pose, moments=pose, frame=once.frame), SIZE)
    assert flow.abs().max() > 3
    back = warp(radiance[:, 1:], flow)[:, 0]
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    before = (radiance[:, 1] - radiance[:, 0])[inside].abs().mean()
    assert (back - radiance[:, 0])[inside].abs().mean() < 0.03 * before


def test_flow_belongs_to_what_is_in_front():
    _, flow = render(stage(layer(1.0, 1.0), layer(2.0, 1.0)), path([[0, 5], [0, -3]], [0, 1]),
                     SIZE)
    assert flow.shape == (1, 1, 2, SIZE, SIZE)
    assert flow[0, 0, 0, 16, 16] == -3
    assert flow[0, 0, 0, 0, 0] == 0
