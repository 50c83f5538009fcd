# SPDX-License-Identifier: Apache-2.0
"""Backgrounds for training scenes: windows of HDR panoramas, in memory at two resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.images import read_exr
from ddfnet_ros.synthesis.motion import similarity
from ddfnet_ros.tonemap import luminance

WINDOW = 320  # panorama pixels; a 128-pixel patch at the coarsest step, turned, still fits
_STEPS = (0.5, 2.9)  # panorama pixels per picture pixel
_COARSE_STEP = 1.45  # from here on the window comes from the half-resolution level
_BAND = (0.22, 0.72)  # heights of a panorama, top 0 to bottom 1, where windows are centred


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """Windows of panoramas behind everything else.

    Attributes:
        radiance: (B, 3, S, S) linear, relative to the shortest exposure.
        to_window: (B, 3, 3) world pixels to window pixels, origin in the middle of both.
    """

    radiance: Float[Tensor, 'b 3 s s']
    to_window: Float[Tensor, 'b 3 3']


class PanoramaBank:
    """Linear equirectangular panoramas that windows are cut from.

    Attributes:
        names: File names, in order.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob('*.exr'))
        if not paths:
            raise ValueError(f'expected .exr panoramas in {folder}, got none; name their folder')
        self.names = [path.name for path in paths]
        self._levels = [_pyramid(path) for path in paths]

    def __len__(self) -> int:
        return len(self._levels)

    def draw(
        self, coarse: Sequence[bool], size: int, generator: torch.Generator
    ) -> Float[Tensor, 'k 3 s s']:
        """Cut one window per entry of `coarse` out of random panoramas.

        Args:
            coarse: Whether the window comes from the panorama at half its resolution.
            size: Side of the windows [px].
            generator: Source of panorama and place.

        Returns:
            Radiance in the panoramas' own units, linear RGB.
        """
        return torch.stack([self._window(int(half), size, generator) for half in coarse])

    def _window(self, level: int, size: int, generator: torch.Generator) -> Tensor:
        choice, u, v = torch.rand(3, generator=generator).tolist()
        panorama = self._levels[int(choice * len(self._levels))][level]
        height, width = panorama.shape[-2:]
        middle = height * (_BAND[0] + v * (_BAND[1] - _BAND[0]))
        rows = (torch.arange(size) + int(middle) - size // 2).clamp(0, height - 1)
        columns = (torch.arange(size) + int(u * width)) % width
        return panorama[:, rows][:, :, columns].float()


def _pyramid(path: Path) -> tuple[Tensor, Tensor]:
    full = torch.from_numpy(read_exr(path)).permute(2, 0, 1).clamp(0, 6e4)
    return full.half(), F.avg_pool2d(full[None], 2)[0].half()


def random_backdrop(
    panoramas: PanoramaBank, count: int, white: Float[Tensor, ' b'], generator: torch.Generator
) -> Backdrop:
    """Choose, light and grade the backgrounds of a batch.

    Args:
        panoramas: Where they come from.
        count: Scenes in the batch.
        white: Radiance at which each reference frame clips.
        generator: Source of everything random.
    """
    low, high = _STEPS
    step = low * (high / low) ** torch.rand(count, generator=generator)
    coarse = step > _COARSE_STEP
    windows = panoramas.draw(coarse.tolist(), WINDOW, generator)
    graded = _grade(windows, generator) * white[:, None, None, None]
    angle = 6.3 * torch.rand(count, generator=generator)
    zero = torch.zeros(count)
    return Backdrop(
        radiance=graded * _fine_detail(count, generator),
        to_window=similarity(torch.where(coarse, step / 2, step), angle, zero, zero),
    )


def _grade(windows: Tensor, generator: torch.Generator) -> Tensor:
    """Expose, so that up to half of a window clips at 1; vary contrast and tint; some by night."""
    count = len(windows)
    u = torch.rand((4, count, 1, 1, 1), generator=generator)
    bright = luminance(windows[..., ::4, ::4]).flatten(1)
    clipped_share = 0.5 * u[0].flatten() ** 2
    rank = ((1 - clipped_share) * (bright.shape[1] - 1)).long()
    reference_white = bright.sort(dim=1).values.gather(1, rank[:, None])[:, :, None, None]
    contrast = 0.8 + 0.8 * u[1]
    graded = (windows / reference_white.clamp(min=1e-6)) ** contrast
    night = torch.where(u[2] < 0.2, 0.03 + 0.3 * u[3], torch.ones(()))
    tint = torch.exp(0.15 * torch.randn((count, 3, 1, 1), generator=generator))
    return (graded * night * tint).clamp(max=1e4)


def _fine_detail(count: int, generator: torch.Generator) -> Tensor:
    """Texture at pixel scale, which panoramas of this resolution lack, in half of the scenes."""
    strength = (0.3 * torch.rand((count, 1, 1, 1), generator=generator) - 0.15).clamp(min=0)
    grain = torch.randn((count, 1, WINDOW, WINDOW), generator=generator)
    return torch.exp(strength * F.avg_pool2d(grain, 3, 1, 1) * 2)
