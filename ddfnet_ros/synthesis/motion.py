# SPDX-License-Identifier: Apache-2.0
"""Motion of camera and layers: planar transforms at each instant.

All transforms are (…, 3, 3) matrices that act on pixel coordinates (x, y, 1), with the origin in
the middle of the picture, world or texture. The world is upright. Camera transforms map picture to
world, layer transforms map texture to world.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ddfnet_ros.synthesis.bending import Bend, bend_points, unbend_points
from ddfnet_ros.synthesis.scene_settings import LAYER, SceneSettings

Transform = Float[Tensor, '... 3 3']


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Camera and layers at T instants of each scene.

    Attributes:
        camera: Transforms from picture to world.
        layers: Transforms from texture to world.
        bend: Bending of each layer.
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
        frames: Pose at the middle of each frame, the reference first; the flow is between these.
        moments: Pose at all instants that are averaged into frames, for motion blur.
        frame: Index of the frame that each of the moments belongs to.
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
    """Draw random motion of camera and layers.

    Args:
        exposure: Relative exposures, the reference first.
        reference_index: Number of frames that are shorter than the reference.
        upright: Mask of the layers that stand upright in the world and move along the ground.
        soft: Mask of the layers that may bend while they move.
        settings: Speeds, and number of instants for motion blur.
        generator: Random generator.
    """
    frame = _frame_of_moments(exposure.shape[1], reference_index, settings.instants)
    time = _random_times(exposure, reference_index, frame, generator)
    frame_of_times = torch.cat([torch.arange(exposure.shape[1]), frame])
    camera = _random_camera(time, frame_of_times, settings.shake, generator)
    layers, bend = _random_paths(time[:, None], upright, soft, settings, generator)

    def pose(part: slice) -> Pose:
        return Pose(camera=camera[:, part], layers=layers[:, :, part], bend=bend.at(part))

    frames = exposure.shape[1]
    return Trajectory(frames=pose(slice(frames)), moments=pose(slice(frames, None)), frame=frame)


def _frame_of_moments(frames: int, reference_index: int, instants: int) -> Int[Tensor, ' t']:
    """Frame of each moment.

    The longest frame has `instants` moments, the next a quarter of that, and so on, at least one.
    """
    rank = frames - 1 - _order(frames, reference_index)
    counts = (instants / 4.0**rank).round().clamp(min=1).long()
    return torch.arange(frames).repeat_interleave(counts)


def _random_times(
    exposure: Tensor, reference_index: int, frame: Tensor, generator: torch.Generator
) -> Float[Tensor, 'b t']:
    """Times of frames, then of moments, in frame intervals from the middle of the reference.

    The shutter is open in proportion to a frame's exposure; its moments divide that time evenly.
    """
    scenes, frames = exposure.shape
    direction = torch.where(torch.rand((scenes, 1), generator=generator) < 0.3, -1.0, 1.0)
    middle = direction * (_order(frames, reference_index) - reference_index)
    open_for = 0.8 * torch.rand((scenes, 1), generator=generator)
    length = open_for * exposure / exposure.amax(dim=1, keepdim=True)
    count = torch.bincount(frame, minlength=frames)
    within = torch.cat([(torch.arange(n) + 0.5) / n - 0.5 for n in count.tolist()])
    return torch.cat([middle, middle[:, frame] + length[:, frame] * within], dim=1)


def _order(frames: int, reference_index: int) -> Tensor:
    """Rank by exposure of each frame, the reference first."""
    order = list(range(frames))
    return torch.tensor([order.pop(reference_index), *order])


def _random_camera(
    time: Tensor, frame: Tensor, shake: float, generator: torch.Generator
) -> Transform:
    """Steady drift plus a jerk per frame; 40 % of the cameras are static, some shake badly."""
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
    """Random orientation: near a multiple of 90 degrees, or any; half of them mirrored."""
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
    """Paths of layers of all sizes: slightly curved, with some rotation, growth and bending."""
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
    """Transform that scales, rotates by `angle` [rad], then shifts by (x, y) [px]."""
    c, s = scale * angle.cos(), scale * angle.sin()
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return torch.stack([c, -s, x, s, c, y, zero, zero, one], dim=-1).unflatten(-1, (3, 3))


@dataclass(frozen=True)
class Points:
    """Points of a picture, world or texture, with a tensor per coordinate.

    Attributes:
        x: Distance to the right of the middle [px].
        y: Distance below the middle [px].
    """

    x: Float[Tensor, '... p']
    y: Float[Tensor, '... p']

    @classmethod
    def grid(cls, size: int, device: torch.device | None = None) -> Points:
        """All pixels of a square picture, row by row."""
        axis = torch.arange(size, device=device) - (size - 1) / 2
        y, x = torch.meshgrid(axis, axis, indexing='ij')
        return cls(x.flatten(), y.flatten())

    def transform(self, matrix: Transform) -> Points:
        """Transform the points; much faster than a matrix product with so few rows."""
        row = matrix[..., None]
        x, y = (torch.addcmul(row[..., k, 2, :], row[..., k, 0, :], self.x)
                .addcmul_(row[..., k, 1, :], self.y) for k in (0, 1))
        return Points(x, y)


def flow(size: int, pose: Pose, layer: int | None) -> Float[Tensor, 'b m 2 p']:
    """Flow of a layer from the first frame to the others [px], as if it covered the picture.

    Args:
        size: Side of the picture [px].
        pose: Camera and layers at the frames.
        layer: Index of the layer; None for the background.
    """
    pixels = Points.grid(size, pose.camera.device)
    to_picture = torch.linalg.inv(pose.camera[:, 1:])
    if layer is None:
        end = pixels.transform(to_picture @ pose.camera[:, :1])
    else:
        path = pose.layers[:, layer]
        start = pixels.transform(torch.linalg.inv(path[:, :1]) @ pose.camera[:, :1])
        texture = bend_points(start.x, start.y, pose.bend, layer, slice(1))
        on_layer = unbend_points(*texture, pose.bend, layer, slice(1, None))
        end = Points(*on_layer).transform(to_picture @ path[:, 1:])
    return torch.stack([end.x - pixels.x, end.y - pixels.y], dim=2)
