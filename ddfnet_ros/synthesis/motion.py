# SPDX-License-Identifier: Apache-2.0
"""Where things are at each instant: planar transforms of layers and camera.

All transforms are (…, 3, 3) and act on pixel coordinates (x, y, 1) with the origin in the middle
of the picture. Camera transforms map picture to world; layer transforms map layer to world.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis.scene_settings import SceneSettings

Transform = Float[Tensor, '... 3 3']


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Camera and layers at every instant of every frame, the reference frame first.

    Attributes:
        camera: (B, N, S, 3, 3) picture to world.
        layers: (B, K, N, S, 3, 3) layer to world; S instants are averaged into motion blur.
        middle: The instant that stands for its frame in the flow.
    """

    camera: Float[Tensor, 'b n s 3 3']
    layers: Float[Tensor, 'b k n s 3 3']
    middle: int


def random_trajectory(
    exposure: Float[Tensor, 'b n'],
    reference_index: int,
    settings: SceneSettings,
    generator: torch.Generator,
) -> Trajectory:
    """Let camera and layers move at random; the camera stands at the identity at time 0."""
    time = _instants(exposure, reference_index, settings.instants, generator)
    shape = (len(exposure), settings.layers)
    return Trajectory(
        camera=_random_camera(time, settings.shake, generator),
        layers=_random_paths(time[:, None], shape, settings, generator),
        middle=settings.instants // 2,
    )


def _instants(
    exposure: Tensor, reference_index: int, count: int, generator: torch.Generator
) -> Float[Tensor, 'b n s']:
    """Times in frame intervals from the reference; blur lasts in proportion to the exposure."""
    scenes, frames = exposure.shape
    place = _places(frames, reference_index)
    direction = torch.where(torch.rand((scenes, 1), generator=generator) < 0.3, -1.0, 1.0)
    start = direction * (place - reference_index)
    shutter = 0.8 * torch.rand((scenes, 1), generator=generator)
    if count == 1:
        return start[..., None]
    length = shutter * exposure / exposure.amax(dim=1, keepdim=True)
    within = torch.linspace(-0.5, 0.5, count)
    return start[..., None] + length[..., None] * within


def _places(frames: int, reference_index: int) -> Tensor:
    order = list(range(frames))
    return torch.tensor([order.pop(reference_index), *order])


def _random_camera(time: Tensor, shake: float, generator: torch.Generator) -> Transform:
    """A steady drift plus a jerk per frame; 40 % of the cameras stand still."""
    scenes, frames, _ = time.shape
    moves = (torch.rand((scenes, 1, 1), generator=generator) > 0.4).float()
    strength = shake * torch.rand((scenes, 1, 1), generator=generator) ** 2 * moves
    drift = torch.randn((4, scenes, 1, 1), generator=generator)
    jerk = 0.5 * torch.randn((4, scenes, frames, 1), generator=generator)
    jerk[:, :, 0] = 0
    x, y, angle, zoom = strength * (drift * time + jerk)
    return similarity(1 + 0.001 * zoom, 0.002 * angle, x, y)


def _random_paths(
    time: Tensor, shape: tuple[int, int], settings: SceneSettings, generator: torch.Generator
) -> Transform:
    """Layers of all sizes on slightly curved paths, turning and growing a little."""
    u = torch.rand((4, *shape, 1, 1), generator=generator)
    g = torch.randn((5, *shape, 1, 1), generator=generator)
    size = 0.06 * 14 ** u[0] * settings.size
    heading = 6.3 * u[1]
    speed = settings.max_motion * (u[2] - 0.15).clamp(min=0) ** 2.5
    bend = 0.15 * speed * g[0]
    spread = 0.35 * settings.size
    moving = (speed > 0).float()
    x = spread * g[1] + speed * heading.cos() * time - bend * heading.sin() * time**2
    y = spread * g[2] + speed * heading.sin() * time + bend * heading.cos() * time**2
    angle = 6.3 * u[3] + 0.06 * g[3] * moving * time
    growth = torch.exp(0.02 * g[4] * moving * time)
    return similarity(size / 96 * growth, angle + torch.zeros_like(x), x, y)


def similarity(scale: Tensor, angle: Tensor, x: Tensor, y: Tensor) -> Transform:
    """Scale, rotate by `angle` radians, then shift by (x, y) pixels."""
    c, s = scale * angle.cos(), scale * angle.sin()
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return torch.stack([c, -s, x, s, c, y, zero, zero, one], dim=-1).unflatten(-1, (3, 3))


def grid(size: int) -> Float[Tensor, '3 p']:
    """Homogeneous coordinates of all pixels of a square picture, row by row."""
    axis = torch.arange(size) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing='ij')
    return torch.stack([x.flatten(), y.flatten(), torch.ones(size * size)])


def apply(transform: Transform, points: Float[Tensor, '3 p']) -> Float[Tensor, '... p 2']:
    """Transform points; (x, y) of each."""
    return (transform @ points)[..., :2, :].transpose(-1, -2)


def flow(
    size: int, camera: Transform, reference: Transform, frame: Transform
) -> Float[Tensor, '... p 2']:
    """Where a rigid layer goes from the reference to a frame, in pixels per reference pixel.

    Args:
        size: Side of the picture.
        camera: Camera at the frame; the reference camera is the identity.
        reference: Layer to world at the reference instant.
        frame: Layer to world at the frame's instant.
    """
    points = grid(size)
    moved = torch.linalg.inv(camera) @ frame @ torch.linalg.inv(reference)
    return apply(moved, points) - points[:2].T
