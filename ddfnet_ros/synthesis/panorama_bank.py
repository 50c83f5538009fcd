# SPDX-License-Identifier: Apache-2.0
"""Panoramas in memory, to crop textures from and to view through a lens."""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.images import read_exr

_COARSE_STEP = 1.45  # panorama px per picture px above which half the resolution is enough
_ELEVATION = (-0.7, 0.9)  # range of the lens's elevation above the horizon [rad]
_ZENITH = 1.45  # largest elevation in view: above, the columns of a panorama converge [rad]
_NODES = 49  # per side of a picture; its geometry is computed there and interpolated between


class PanoramaBank:
    """Equirectangular panoramas, kept as logarithms of radiance at two resolutions.

    Attributes:
        names: Sorted file names.
        device: Device of the panoramas, their textures and views.
    """

    def __init__(self, folder: Path, device: torch.device | str = 'cpu') -> None:
        paths = sorted(folder.glob('*.exr'))
        if not paths:
            raise ValueError(f'expected .exr panoramas in {folder}, got none; name their folder')
        self.names = [path.name for path in paths]
        self.device = torch.device(device)
        self._levels = [[level.to(self.device) for level in _pyramid(path)] for path in paths]

    def __len__(self) -> int:
        return len(self._levels)

    def textures(
        self, count: int, size: int, generator: torch.Generator
    ) -> Float[Tensor, 'k 3 s s']:
        """Crop squares of random panoramas; returns the natural logarithm of radiance."""
        return torch.stack([self._texture(size, generator) for _ in range(count)])

    def _texture(self, size: int, generator: torch.Generator) -> Tensor:
        choice, u, v = torch.rand(3, generator=generator).tolist()
        panorama = self._levels[int(choice * len(self))][0]
        height, width = panorama.shape[-2:]
        return _crop(panorama, int((0.2 + 0.5 * v) * height), int(u * width), size, size)

    def views(
        self, step: Float[Tensor, ' k'], size: int, generator: torch.Generator
    ) -> Float[Tensor, 'k 3 s s']:
        """View random panoramas in random directions through an upright rectilinear lens.

        Args:
            step: Panorama pixels per picture pixel in the middle of each picture.
            size: Side of the pictures [px].
            generator: Random generator.

        Returns:
            Natural logarithm of linear RGB radiance in the panoramas' own units.
        """
        draws = torch.rand((len(step), 3), generator=generator).tolist()
        return torch.stack([
            self._view(*draw, step=one, size=size)
            for draw, one in zip(draws, step.tolist(), strict=True)
        ])

    def _view(self, choice: float, u: float, v: float, *, step: float, size: int) -> Tensor:
        levels = self._levels[int(choice * len(self))]
        panorama = levels[int(step > _COARSE_STEP)]
        focal = levels[0].shape[-1] / (2 * math.pi * step)
        elevation = _ELEVATION[0] + v * (_ELEVATION[1] - _ELEVATION[0])
        rows, columns = _node_positions(focal, elevation, size)
        height, width = panorama.shape[-2:]
        rows = rows * height - 0.5
        columns = (columns + u) * width
        top, left = int(rows.min().floor()), int(columns.min().floor())
        high, wide = int(rows.max()) + 3 - top, int(columns.max()) + 3 - left
        nodes = 2 * torch.stack([(columns - left) / (wide - 1), (rows - top) / (high - 1)]) - 1
        points = F.interpolate(
            nodes[None].to(panorama.device), (size, size), mode='bilinear', align_corners=True)
        part = _crop(panorama, top, left, high, wide)
        return F.grid_sample(
            part[None], points.permute(0, 2, 3, 1), padding_mode='border', align_corners=True)[0]


def _node_positions(focal: float, elevation: float, size: int) -> tuple[Tensor, Tensor]:
    """Panorama rows and columns that a picture's nodes see.

    Args:
        focal: Focal length [picture px].
        elevation: Direction of the lens above the horizon [rad].
        size: Side of the picture [px].

    Returns:
        Rows from the top, in heights of the panorama; columns from the middle, in its widths.
    """
    half = (size - 1) / 2
    reach = _ZENITH - math.atan(half / focal)
    elevation = max(-reach, min(reach, elevation)) if reach > 0 else 0.0
    axis = torch.linspace(-half, half, _NODES)
    x, down = axis.expand(_NODES, _NODES), axis[:, None]
    up = focal * math.sin(elevation) - down * math.cos(elevation)
    ahead = focal * math.cos(elevation) + down * math.sin(elevation)
    azimuth = torch.atan2(x, ahead.expand_as(x))
    return 0.5 - torch.atan2(up, torch.hypot(x, ahead)) / math.pi, azimuth / (2 * math.pi)


def _crop(panorama: Tensor, top: int, left: int, high: int, wide: int) -> Tensor:
    """Crop a panorama; it wraps around horizontally and is mirrored above and below."""
    height, width = panorama.shape[-2:]
    if 0 <= top <= height - high:
        rows = panorama[:, top:top + high]
    else:
        around = torch.arange(top, top + high, device=panorama.device) % (2 * height)
        rows = panorama[:, torch.minimum(around, 2 * height - 1 - around)]
    if 0 <= left <= width - wide:
        return rows[..., left:left + wide].float()
    return rows[..., torch.arange(left, left + wide, device=panorama.device) % width].float()


def _pyramid(path: Path) -> tuple[Tensor, Tensor]:
    full = torch.from_numpy(read_exr(path)).permute(2, 0, 1)
    return _half_log(full), _half_log(F.avg_pool2d(full[None], 2)[0])


def _half_log(radiance: Tensor) -> Tensor:
    """Logarithm in float16: steps of at most 0.4 % between 0.02 and 50, and 0.8 % beyond."""
    return radiance.clamp(1e-5, 6e4).log().half()
