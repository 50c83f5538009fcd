# SPDX-License-Identifier: Apache-2.0
"""Backgrounds of training scenes: views of HDR panoramas, graded, some relit as by night."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis.night import relight
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.tonemap import luminance

_STEPS = (0.5, 2.9)  # panorama pixels per picture pixel: scaled by 2 to 0.35
_WIDEST = 388  # a wider picture would show more than 100 degrees [panorama px]
_DIM, _NIGHT = 0.1, 0.3  # share of dim scenes; of those and night scenes together
_GRAIN = 1024  # side of the noise image that fine detail is cropped from [px]
_BRIGHTEST = 9.2  # logarithm of the largest radiance


def side(size: int) -> int:
    """Side of a backdrop large enough to rotate and shift a picture of `size`; a multiple of 8."""
    return 8 * math.ceil((math.sqrt(2) * size + 48) / 8)


def random_backdrop(
    panoramas: PanoramaBank, white: Float[Tensor, ' b'], size: int, generator: torch.Generator
) -> tuple[Float[Tensor, 'b 3 s s'], Float[Tensor, ' b']]:
    """Draw, grade and light the backgrounds of a batch.

    Args:
        panoramas: Source of the views.
        white: Radiance at which each reference frame clips.
        size: Side of the pictures that will be taken of the backgrounds [px].
        generator: Random generator.

    Returns:
        Linear radiance relative to the shortest exposure, upright, with the horizon anywhere; and
        the light that falls on the layers in front, 1 by day (on the CPU).
    """
    high = min(_STEPS[1], _WIDEST / size)
    low = min(_STEPS[0], high)
    step = low * (high / low) ** torch.rand(len(white), generator=generator)
    views = panoramas.views(step, side(size), generator)
    kind, darkness = torch.rand((2, len(white)), generator=generator)
    dim, by_night = kind < _DIM, (kind >= _DIM) & (kind < _NIGHT)
    light = torch.where(dim | by_night, 0.03 + 0.3 * darkness, 1.0)
    graded = _grade(views, white * torch.where(dim, light, 1.0), by_night, generator)
    chosen = by_night.nonzero()[:, 0]
    if len(chosen):
        here = chosen.to(graded.device)
        graded[here] = relight(graded[here], white[chosen], generator)
    return graded, light


def _grade(
    views: Tensor, white: Tensor, by_night: Tensor, generator: torch.Generator
) -> Tensor:
    """Expose so that up to half of a view is brighter than white; vary contrast and tint.

    Args:
        views: Logarithms of radiance; overwritten.
        white: Radiance of white in each scene.
        by_night: Mask of scenes that will be relit by lamps; they get less contrast.
        generator: Random generator.

    Returns:
        Linear radiance.
    """
    count = len(views)
    u = torch.rand((2, count, 1, 1, 1), generator=generator)
    bright = luminance(views[..., ::8, ::8].exp()).flatten(1)
    rank = ((1 - 0.5 * u[0].flatten() ** 2) * (bright.shape[1] - 1)).long()[:, None]
    reference_white = bright.sort(dim=1).values.gather(1, rank.to(bright.device))
    contrast = torch.where(by_night[:, None, None, None], 0.5 + 0.4 * u[1], 0.7 + 0.6 * u[1])
    tint = 0.15 * torch.randn((count, 3, 1, 1), generator=generator)
    level = white.log()[:, None, None, None] + tint
    contrast, level = contrast.to(views.device), level.to(views.device)
    level = level - contrast * reference_white.log()[:, :, None, None]
    views.mul_(contrast).add_(level)
    _add_fine_detail(views, generator)
    return views.clamp_(max=_BRIGHTEST).exp_()


def _add_fine_detail(views: Tensor, generator: torch.Generator) -> None:
    """Add detail at pixel scale, which the panoramas lack, to half of the scenes, in place."""
    grain = _make_grain(views.device)
    strength, *corner = torch.rand((3, len(views)), generator=generator)
    amounts = (0.16 * strength - 0.08).tolist()
    corners = torch.stack(corner, dim=1).mul(_GRAIN).long().tolist()
    along = torch.arange(views.shape[-1], device=views.device)
    for view, amount, (top, left) in zip(views, amounts, corners, strict=True):
        if amount > 0:
            rows, columns = (along + top) % _GRAIN, (along + left) % _GRAIN
            view.add_(grain[rows][:, columns], alpha=amount)


@lru_cache(maxsize=2)
def _make_grain(device: torch.device) -> Float[Tensor, 's s']:
    """Noise of two scales; all scenes use crops of the same."""
    noise = torch.randn((1, 1, _GRAIN, _GRAIN), generator=torch.Generator().manual_seed(1))
    fine = F.avg_pool2d(noise, 3, 1, 1)
    coarse = F.avg_pool2d(F.avg_pool2d(noise, 5, 1, 2), 5, 1, 2)
    return (2 * fine + 4 * coarse)[0, 0].to(device)
