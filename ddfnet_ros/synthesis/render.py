# SPDX-License-Identifier: Apache-2.0
"""Render a moving scene: one radiance image per frame, and exact flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis import motion
from ddfnet_ros.synthesis.bending import bend_points
from ddfnet_ros.synthesis.layers import Layers
from ddfnet_ros.synthesis.motion import Points, Pose, Trajectory


@dataclass(frozen=True, kw_only=True)
class LayeredScene:
    """Everything in front of the camera.

    Attributes:
        backdrop: Radiance of each scene's background per world pixel, centred on the world.
        layers: Layers that move in front of it.
    """

    backdrop: Float[Tensor, 'b 3 s s']
    layers: Layers


def render(
    scene: LayeredScene, trajectory: Trajectory, size: int
) -> tuple[Float[Tensor, 'b n 3 h w'], Float[Tensor, 'b m 2 h w']]:
    """Render each frame's radiance with motion blur, and the flow from the first to the others.

    Args:
        scene: Background and layers of a batch of scenes.
        trajectory: Motion of camera and layers.
        size: Side of the square images [px].
    """
    device = scene.backdrop.device
    frame = trajectory.frame
    scene = replace(scene, layers=_smooth_small_layers(scene.layers, trajectory.frames))
    moments, frames = trajectory.moments.to(device), trajectory.frames.to(device)
    radiance = _radiance(scene, moments, frame, size)
    count = torch.bincount(frame)
    if len(frame) > len(count):
        parts = radiance.split(count.tolist(), dim=1)
        radiance = torch.stack([part.mean(dim=1) for part in parts], dim=1)
    return radiance, _flow(scene.layers, frames, size)


def _radiance(
    scene: LayeredScene, pose: Pose, frame: Tensor, size: int
) -> Float[Tensor, 'b t 3 h w']:
    """Radiance at each instant; `frame` says which frame an instant belongs to."""
    pixels = Points.grid(size, scene.backdrop.device)
    picture = _sample(scene.backdrop, pixels.transform(pose.camera), size, 'border')
    light = scene.layers.light[:, :, frame, :, None, None]
    for k in range(pose.layers.shape[1]):
        layer = _sample(scene.layers.texture[:, k], _on_layer(pose, k, pixels), size, 'zeros')
        picture = torch.addcmul(layer[:, :, :3], picture, 1 - layer[:, :, 3:4])
        picture = picture.addcmul_(layer[:, :, 4:], light[:, k])
    return picture


def _smooth_small_layers(layers: Layers, pose: Pose) -> Layers:
    """Blur textures that appear small, by powers of two; otherwise their detail would alias."""
    texture = layers.texture.clone()
    shrunk = torch.linalg.det(pose.layers[:, :, 0, :2, :2]).rsqrt().log2().round()
    for octave in range(1, 4):
        small = (shrunk.clamp(max=3) == octave).nonzero(as_tuple=True)
        averaged = F.avg_pool2d(texture[small], 2**octave)
        texture[small] = F.interpolate(averaged, texture.shape[-2:], mode='bilinear')
    return replace(layers, texture=texture)


def _on_layer(pose: Pose, layer: int, pixels: Points) -> Points:
    """Points of a layer's texture that the pixels see."""
    straight = pixels.transform(torch.linalg.inv(pose.layers[:, layer]) @ pose.camera)
    return Points(*bend_points(straight.x, straight.y, pose.bend, layer))


def _sample(
    texture: Float[Tensor, 'b c s s'], points: Points, size: int, outside: str
) -> Float[Tensor, 'b t c h w']:
    """Sample a texture bilinearly at points relative to its middle."""
    scenes, moments = points.x.shape[:2]
    unit = 2 / (texture.shape[-1] - 1)
    grid = torch.stack([points.x, points.y], dim=-1).mul_(unit)
    sampled = F.grid_sample(
        texture, grid.reshape(scenes, moments * size, size, 2),
        padding_mode=outside, align_corners=True,
    )
    return sampled.unflatten(2, (moments, size)).transpose(1, 2)


def _flow(layers: Layers, pose: Pose, size: int) -> Float[Tensor, 'b m 2 h w']:
    """Motion of the foremost layer, or else the background, at each pixel of the reference."""
    flow = motion.flow(size, pose, None)
    first = Pose(camera=pose.camera[:, :1], layers=pose.layers[:, :, :1],
                 bend=pose.bend.at(slice(1)))
    pixels = Points.grid(size, flow.device)
    for k in range(pose.layers.shape[1]):
        masks = layers.texture[:, k, 3:]  # opacity and light
        seen = _sample(masks, _on_layer(first, k, pixels), size, 'zeros').amax(dim=2)
        flow = torch.where(seen.flatten(2)[:, :, None] > 0.5, motion.flow(size, pose, k), flow)
    return flow.unflatten(-1, (size, size))
