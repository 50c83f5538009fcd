# SPDX-License-Identifier: Apache-2.0
"""Backgrounds for training scenes: windows of HDR panoramas, in memory at two resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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
_GRAIN = 1024  # side of the picture that fine detail is cut from [px]
_BRIGHTEST = 9.2  # logarithm of the brightest radiance


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
    """Equirectangular panoramas that windows are cut from, kept as logarithms of radiance.

    Attributes:
        names: File names, in order.
        device: Where the panoramas are, and all that is made of them.
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

    def draw(
        self, coarse: Sequence[bool], size: int, generator: torch.Generator
    ) -> Float[Tensor, 'k 3 s s']:
        """Cut one window per entry of `coarse` out of random panoramas.

        Args:
            coarse: Whether the window comes from the panorama at half its resolution.
            size: Side of the windows [px].
            generator: Source of panorama and place.

        Returns:
            Natural logarithm of the radiance in the panoramas' own units, linear RGB.
        """
        return torch.stack([self._window(int(half), size, generator) for half in coarse])

    def _window(self, level: int, size: int, generator: torch.Generator) -> Tensor:
        choice, u, v = torch.rand(3, generator=generator).tolist()
        panorama = self._levels[int(choice * len(self._levels))][level]
        height, width = panorama.shape[-2:]
        middle = int(height * (_BAND[0] + v * (_BAND[1] - _BAND[0])))
        return _cut(panorama, middle - size // 2, int(u * width), size)


def _cut(panorama: Tensor, top: int, left: int, size: int) -> Tensor:
    """A square of a panorama that runs around; above and below it is mirrored."""
    height, width = panorama.shape[-2:]
    if 0 <= top <= height - size:
        rows = panorama[:, top:top + size]
    else:
        around = torch.arange(top, top + size, device=panorama.device) % (2 * height)
        rows = panorama[:, torch.minimum(around, 2 * height - 1 - around)]
    if left <= width - size:
        return rows[..., left:left + size].float()
    return rows[..., torch.arange(left, left + size, device=panorama.device) % width].float()


def _pyramid(path: Path) -> tuple[Tensor, Tensor]:
    full = torch.from_numpy(read_exr(path)).permute(2, 0, 1)
    return _logarithm(full), _logarithm(F.avg_pool2d(full[None], 2)[0])


def _logarithm(radiance: Tensor) -> Tensor:
    """In half floats: steps of 0.4 % or less between 0.02 and 50, of 0.8 % beyond."""
    return radiance.clamp(1e-5, 6e4).log().half()


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
    angle = 6.3 * torch.rand(count, generator=generator)
    zero = torch.zeros(count)
    return Backdrop(
        radiance=_grade(windows, white, generator),
        to_window=similarity(torch.where(coarse, step / 2, step), angle, zero, zero),
    )


def _grade(windows: Tensor, white: Tensor, generator: torch.Generator) -> Tensor:
    """Expose, so that up to half of a window clips; vary contrast and tint; some by night.

    Args:
        windows: Logarithms of radiance; overwritten.
        white: Radiance at which each reference frame clips.
        generator: Source of everything random.
    """
    count = len(windows)
    u = torch.rand((4, count, 1, 1, 1), generator=generator)
    bright = luminance(windows[..., ::8, ::8].exp()).flatten(1)
    rank = ((1 - 0.5 * u[0].flatten() ** 2) * (bright.shape[1] - 1)).long()[:, None]
    reference_white = bright.sort(dim=1).values.gather(1, rank.to(bright.device))
    contrast = 0.7 + 0.6 * u[1]
    night = torch.where(u[2] < 0.2, 0.03 + 0.3 * u[3], 1.0)
    tint = 0.15 * torch.randn((count, 3, 1, 1), generator=generator)
    level = (night * white[:, None, None, None]).log() + tint
    contrast, level = contrast.to(windows.device), level.to(windows.device)
    level = level - contrast * reference_white.log()[:, :, None, None]
    windows.mul_(contrast).add_(level)
    _add_fine_detail(windows, generator)
    return windows.clamp_(max=_BRIGHTEST).exp_()


def _add_fine_detail(windows: Tensor, generator: torch.Generator) -> None:
    """Texture at pixel scale, which panoramas of this resolution lack, in half of the scenes."""
    grain = _grain(windows.device)
    strength, top, left = torch.rand((3, len(windows)), generator=generator)
    amounts = (0.3 * strength - 0.15).tolist()
    tops, lefts = (((_GRAIN - WINDOW) * place).long().tolist() for place in (top, left))
    for window, amount, y, x in zip(windows, amounts, tops, lefts, strict=True):
        if amount > 0:
            window.add_(grain[y:y + WINDOW, x:x + WINDOW], alpha=amount)


@lru_cache(maxsize=2)
def _grain(device: torch.device) -> Float[Tensor, 's s']:
    """Noise blurred over 3 x 3 pixels, the same for all scenes, which look at parts of it."""
    noise = torch.randn((1, 1, _GRAIN, _GRAIN), generator=torch.Generator().manual_seed(1))
    return 2 * F.avg_pool2d(noise, 3, 1, 1)[0, 0].to(device)
