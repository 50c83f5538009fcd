# SPDX-License-Identifier: Apache-2.0
"""From a stage and its motion to one radiance image per frame, with exact flow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis import motion
from ddfnet_ros.synthesis.backdrop import Backdrop
from ddfnet_ros.synthesis.motion import Trajectory, Transform


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything in front of the camera.

    Attributes:
        backdrop: Background of each scene.
        layers: (B, K, 4, S, S) RGBA, the last one in front.
        brightness: (B, K, N) factor of each layer's light in each frame.
    """

    backdrop: Backdrop
    layers: Float[Tensor, 'b k 4 s s']
    brightness: Float[Tensor, 'b k n']


def render(
    stage: Stage, trajectory: Trajectory, size: int
) -> tuple[Float[Tensor, 'b n 3 h w'], Float[Tensor, 'b m 2 h w']]:
    """Radiance of each frame, its motion blur included, and flow from the first to the others."""
    instants = trajectory.camera.shape[2]
    frames = [
        _render_instant(stage, trajectory.camera[:, :, s], trajectory.layers[:, :, :, s], size)
        for s in range(instants)
    ]
    middle = trajectory.middle
    return torch.stack(frames).mean(dim=0), _flow(
        stage, trajectory.camera[:, :, middle], trajectory.layers[:, :, :, middle], size
    )


def _render_instant(stage: Stage, camera: Transform, layers: Transform, size: int) -> Tensor:
    picture = _look_up(stage.backdrop.radiance, stage.backdrop.to_window[:, None] @ camera, size)
    for k in range(layers.shape[1]):
        seen = _look_up(stage.layers[:, k], torch.linalg.inv(layers[:, k]) @ camera, size, False)
        colour = seen[:, :, :3] * stage.brightness[:, k, :, None, None, None]
        picture = torch.lerp(picture, colour, seen[:, :, 3:])
    return picture


def _look_up(
    texture: Float[Tensor, 'b c s s'], transform: Float[Tensor, 'b n 3 3'], size: int,
    repeat_edge: bool = True,
) -> Float[Tensor, 'b n c h w']:
    """Sample a texture at the transformed pixels of every frame, bilinear."""
    scenes, frames = transform.shape[:2]
    half = (texture.shape[-1] - 1) / 2
    points = motion.apply(transform, motion.grid(size)) / half
    sampled = F.grid_sample(
        texture, points.reshape(scenes, frames * size, size, 2),
        padding_mode='border' if repeat_edge else 'zeros', align_corners=True,
    )
    return sampled.unflatten(2, (frames, size)).transpose(1, 2)


def _flow(stage: Stage, camera: Transform, layers: Transform, size: int) -> Tensor:
    """Motion of whatever is in front at each pixel of the reference."""
    still = torch.eye(3).expand_as(camera[:, 1:])
    owner = motion.flow(size, camera[:, 1:], still, still)
    for k in range(layers.shape[1]):
        path = layers[:, k]
        alpha = _look_up(stage.layers[:, k], torch.linalg.inv(path[:, :1]), size, False)[:, :, 3]
        moved = motion.flow(size, camera[:, 1:], path[:, :1], path[:, 1:])
        owner = torch.where(alpha.flatten(2)[..., None] > 0.5, moved, owner)
    return owner.transpose(-1, -2).unflatten(-1, (size, size))
