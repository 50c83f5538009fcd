# SPDX-License-Identifier: Apache-2.0
"""From a scene and its motion to one radiance image per frame, with exact flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis import motion
from ddfnet_ros.synthesis.bending import bent
from ddfnet_ros.synthesis.layers import Layers
from ddfnet_ros.synthesis.motion import Points, Pose, Trajectory


@dataclass(frozen=True, kw_only=True)
class LayeredScene:
    """Everything in front of the camera.

    Attributes:
        backdrop: Background of each scene, radiance per world pixel, the same middle.
        layers: What moves in front of it.
    """

    backdrop: Float[Tensor, 'b 3 s s']
    layers: Layers


def render(
    scene: LayeredScene, trajectory: Trajectory, size: int
) -> tuple[Float[Tensor, 'b n 3 h w'], Float[Tensor, 'b m 2 h w']]:
    """Radiance of each frame, its motion blur included, and flow from the first to the others."""
    device = scene.backdrop.device
    frame = trajectory.frame
    scene = replace(scene, layers=_as_fine_as_seen(scene.layers, trajectory.frames))
    moments, frames = trajectory.moments.to(device), trajectory.frames.to(device)
    seen = _radiance(scene, moments, frame, size)
    count = torch.bincount(frame)
    radiance = seen
    if len(frame) > len(count):
        parts = seen.split(count.tolist(), dim=1)
        radiance = torch.stack([part.mean(dim=1) for part in parts], dim=1)
    return radiance, _flow(scene.layers, frames, size)


def _radiance(
    scene: LayeredScene, pose: Pose, frame: Tensor, size: int
) -> Float[Tensor, 'b t 3 h w']:
    pixels = Points.grid(size, scene.backdrop.device)
    picture = _look_up(scene.backdrop, pixels.moved(pose.camera), size, 'border')
    light = scene.layers.light[:, :, frame, :, None, None]
    for k in range(pose.layers.shape[1]):
        seen = _look_up(scene.layers.texture[:, k], _on_layer(pose, k, pixels), size, 'zeros')
        picture = torch.addcmul(seen[:, :, :3], picture, 1 - seen[:, :, 3:4])
        picture = picture.addcmul_(seen[:, :, 4:], light[:, k])
    return picture


def _as_fine_as_seen(layers: Layers, pose: Pose) -> Layers:
    """Average textures that are seen small, by powers of two: else their detail would flicker."""
    texture = layers.texture.clone()
    shrunk = torch.linalg.det(pose.layers[:, :, 0, :2, :2]).rsqrt().log2().round()
    for octave in range(1, 4):
        small = (shrunk.clamp(max=3) == octave).nonzero(as_tuple=True)
        averaged = F.avg_pool2d(texture[small], 2**octave)
        texture[small] = F.interpolate(averaged, texture.shape[-2:], mode='bilinear')
    return replace(layers, texture=texture)


def _on_layer(pose: Pose, layer: int, pixels: Points) -> Points:
    """Where on a layer's texture the pixels look."""
    straight = pixels.moved(torch.linalg.inv(pose.layers[:, layer]) @ pose.camera)
    return Points(*bent(straight.x, straight.y, pose.bend, layer))


def _look_up(
    texture: Float[Tensor, 'b c s s'], points: Points, size: int, outside: str
) -> Float[Tensor, 'b t c h w']:
    """Sample a texture at points counted from its middle, bilinear."""
    scenes, moments = points.x.shape[:2]
    unit = 2 / (texture.shape[-1] - 1)
    where = torch.stack([points.x, points.y], dim=-1).mul_(unit)
    sampled = F.grid_sample(
        texture, where.reshape(scenes, moments * size, size, 2),
        padding_mode=outside, align_corners=True,
    )
    return sampled.unflatten(2, (moments, size)).transpose(1, 2)


def _flow(layers: Layers, pose: Pose, size: int) -> Float[Tensor, 'b m 2 h w']:
    """Motion of whatever is in front at each pixel of the reference."""
    owner = motion.flow(size, pose, None)
    first = Pose(camera=pose.camera[:, :1], layers=pose.layers[:, :, :1],
                 bend=pose.bend.at(slice(1)))
    pixels = Points.grid(size, owner.device)
    for k in range(pose.layers.shape[1]):
        solid = layers.texture[:, k, 3:]
        seen = _look_up(solid, _on_layer(first, k, pixels), size, 'zeros').amax(dim=2)
        owner = torch.where(seen.flatten(2)[:, :, None] > 0.5, motion.flow(size, pose, k), owner)
    return owner.unflatten(-1, (size, size))
