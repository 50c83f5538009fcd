# SPDX-License-Identifier: Apache-2.0
"""Where things are at each instant: planar transforms of layers and camera.

All transforms are (…, 3, 3) and act on pixel coordinates (x, y, 1) with the origin in the middle
of picture, world or texture. The world stands upright; camera transforms map picture to world,
layer transforms map texture to world.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ddfnet_ros.synthesis.bending import Bend, bent, straightened
from ddfnet_ros.synthesis.scene_settings import LAYER, SceneSettings

Transform = Float[Tensor, '... 3 3']


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Camera and layers at T instants of each scene.

    Attributes:
        camera: Picture to world.
        layers: Texture to world.
        bend: How each layer is bent.
    """

    camera: Float[Tensor, 'b t 3 3']
    layers: Float[Tensor, 'b k t 3 3']
    bend: Bend

    def to(self, device: torch.device) -> Pose:
        """The same on another device."""
        return Pose(camera=self.camera.to(device), layers=self.layers.to(device),
                    bend=self.bend.to(device))


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Camera and layers while a bracket is taken.

    Attributes:
        frames: At the middle of each frame, the reference first; the flow is between these.
        moments: At all instants that are averaged into frames.
        frame: Which frame each of the moments belongs to.
    """

    frames: Pose
    moments: Pose
    frame: Int[Tensor, ' t']


def random_trajectory(
    exposure: Float[Tensor, 'b n'],
    reference_index: int,
    upright: Bool[Tensor, 'b k'],
    soft: Bool[Tensor, 'b k'],
    settings: SceneSettings,
    generator: torch.Generator,
) -> Trajectory:
    """Let camera and layers move at random.

    Args:
        exposure: Relative exposures, the reference first.
        reference_index: How many frames are shorter than the reference.
        upright: Layers that stand upright in the world and move along the ground.
        soft: Layers that may bend while they move.
        settings: How fast, and how finely motion blur is sampled.
        generator: Source of everything random.
    """
    frame = _moments(exposure.shape[1], reference_index, settings.instants)
    time = _instants(exposure, reference_index, frame, generator)
    every = torch.cat([torch.arange(exposure.shape[1]), frame])
    camera = _random_camera(time, every, settings.shake, generator)
    layers, bend = _random_paths(time[:, None], upright, soft, settings, generator)

    def pose(part: slice) -> Pose:
        return Pose(camera=camera[:, part], layers=layers[:, :, part], bend=bend.at(part))

    middle = exposure.shape[1]
    return Trajectory(frames=pose(slice(middle)), moments=pose(slice(middle, None)), frame=frame)


def _moments(frames: int, reference_index: int, instants: int) -> Int[Tensor, ' t']:
    """The frame of each moment: `instants` for the longest, a quarter for the next, and so on."""
    rank = frames - 1 - _places(frames, reference_index)
    counts = (instants / 4.0**rank).round().clamp(min=1).long()
    return torch.arange(frames).repeat_interleave(counts)


def _instants(
    exposure: Tensor, reference_index: int, frame: Tensor, generator: torch.Generator
) -> Float[Tensor, 'b t']:
    """Times of frames and moments, in frame intervals from the reference's middle.

    A frame stays open in proportion to its exposure; its moments divide that time evenly.
    """
    scenes, frames = exposure.shape
    direction = torch.where(torch.rand((scenes, 1), generator=generator) < 0.3, -1.0, 1.0)
    middle = direction * (_places(frames, reference_index) - reference_index)
    open_for = 0.8 * torch.rand((scenes, 1), generator=generator)
    length = open_for * exposure / exposure.amax(dim=1, keepdim=True)
    count = torch.bincount(frame, minlength=frames)
    within = torch.cat([(torch.arange(n) + 0.5) / n - 0.5 for n in count.tolist()])
    return torch.cat([middle, middle[:, frame] + length[:, frame] * within], dim=1)


def _places(frames: int, reference_index: int) -> Tensor:
    order = list(range(frames))
    return torch.tensor([order.pop(reference_index), *order])


def _random_camera(
    time: Tensor, frame: Tensor, shake: float, generator: torch.Generator
) -> Transform:
    """A steady drift plus a jerk per frame; 40 % of the cameras stand still, some shake badly."""
    scenes = len(time)
    u = torch.rand((2, scenes, 1), generator=generator)
    strength = shake * torch.where(u[0] < 0.1, 2.5, u[1] ** 2) * (u[0] < 0.6)
    drift = torch.randn((4, scenes, 1), generator=generator)
    jerk = 0.5 * torch.randn((4, scenes, int(frame.max()) + 1), generator=generator)
    jerk[:, :, 0] = 0
    x, y, angle, zoom = strength * (drift * time + jerk[:, :, frame])
    view = _random_view(scenes, generator)[:, None]
    return similarity(1 + 0.002 * zoom, 0.002 * angle, x, y) @ view


def _random_view(scenes: int, generator: torch.Generator) -> Transform:
    """How the picture is held: nearly upright, a side up, or any way; half of them mirrored."""
    u = torch.rand((3, scenes), generator=generator)
    quarter = torch.pi / 2 * (4 * u[0]).floor()
    angle = torch.where(u[1] < 0.3, 2 * torch.pi * u[0],
                        quarter + 0.05 * torch.randn(scenes, generator=generator))
    zero = torch.zeros(scenes)
    mirror = torch.eye(3).repeat(scenes, 1, 1)
    mirror[:, 0, 0] = torch.where(u[2] < 0.5, -1.0, 1.0)
    return similarity(torch.ones(scenes), angle, zero, zero) @ mirror


def _random_paths(
    time: Tensor, upright: Tensor, soft: Tensor, settings: SceneSettings,
    generator: torch.Generator,
) -> tuple[Transform, Bend]:
    """Layers of all sizes on slightly curved paths, turning, growing and bending a little."""
    shape = (*upright.shape, 1)
    standing = upright[..., None]
    u = torch.rand((5, *shape), generator=generator)
    g = torch.randn((5, *shape), generator=generator)
    size = 0.08 * 12 ** u[0] * settings.size
    heading = torch.where(standing, torch.pi * (u[1] < 0.5) + 0.15 * g[4], 2 * torch.pi * u[1])
    speed = settings.max_motion * (1.25 * u[2] - 0.25).clamp(min=0) ** 2
    along = speed * time
    across = 0.15 * speed * g[0] * time**2
    spread = 0.35 * settings.size
    x = spread * g[1] + along * heading.cos() - across * heading.sin()
    y = spread * g[2] + along * heading.sin() + across * heading.cos()
    moving = (speed > 0).float()
    angle = torch.where(standing, 0.08 * g[3], 2 * torch.pi * u[3])
    turn = torch.where(standing, 0.01, 0.06) * g[3] * moving * time
    growth = torch.exp(0.02 * g[4] * moving * time)
    paths = similarity(size / LAYER * growth, angle + turn, x, y)
    bends = LAYER * moving * soft[..., None]
    return paths, Bend.random(time.expand(*upright.shape, -1), bends, generator)


def similarity(scale: Tensor, angle: Tensor, x: Tensor, y: Tensor) -> Transform:
    """Scale, rotate by `angle` radians, then shift by (x, y) pixels."""
    c, s = scale * angle.cos(), scale * angle.sin()
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return torch.stack([c, -s, x, s, c, y, zero, zero, one], dim=-1).unflatten(-1, (3, 3))


@dataclass(frozen=True)
class Points:
    """Points of a picture, world or texture, each coordinate by itself.

    Attributes:
        x: To the right of the middle [px].
        y: Below the middle [px].
    """

    x: Float[Tensor, '... p']
    y: Float[Tensor, '... p']

    @classmethod
    def grid(cls, size: int, device: torch.device | None = None) -> Points:
        """All pixels of a square picture, row by row."""
        axis = torch.arange(size, device=device) - (size - 1) / 2
        y, x = torch.meshgrid(axis, axis, indexing='ij')
        return cls(x.flatten(), y.flatten())

    def moved(self, transform: Transform) -> Points:
        """These points, transformed; much faster than a product of matrices this thin."""
        row = transform[..., None]
        x, y = (torch.addcmul(row[..., k, 2, :], row[..., k, 0, :], self.x)
                .addcmul_(row[..., k, 1, :], self.y) for k in (0, 1))
        return Points(x, y)


def flow(size: int, pose: Pose, layer: int | None) -> Float[Tensor, 'b m 2 p']:
    """Where a layer goes from the first frame to the others, in pixels of the first.

    Args:
        size: Side of the picture.
        pose: Camera and layers at the frames.
        layer: Which; None: what does not move in the world.
    """
    pixels = Points.grid(size, pose.camera.device)
    camera = torch.linalg.inv(pose.camera[:, 1:])
    if layer is None:
        there = pixels.moved(camera @ pose.camera[:, :1])
    else:
        path = pose.layers[:, layer]
        here = pixels.moved(torch.linalg.inv(path[:, :1]) @ pose.camera[:, :1])
        texture = bent(here.x, here.y, pose.bend, layer, slice(1))
        on_layer = straightened(*texture, pose.bend, layer, slice(1, None))
        there = Points(*on_layer).moved(camera @ path[:, 1:])
    return torch.stack([there.x - pixels.x, there.y - pixels.y], dim=2)
