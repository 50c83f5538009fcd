# SPDX-License-Identifier: Apache-2.0
"""Streets by night: daylight views relit by lamps and mirrored in wet ground.

A view is treated as the reflectance of its surfaces. Ambient light is faint; each lamp lights its
surroundings and a pool on the ground below. Everything smooth is computed at an eighth of the
resolution.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_LAMPS = 4  # per street, some of them absent
_COARSE = 8
_TINTS = torch.tensor([[1.0, 0.55, 0.2], [1.0, 0.75, 0.45], [0.9, 0.95, 1.0], [0.6, 1.0, 0.75]])


def relight(
    view: Float[Tensor, 'k 3 s s'], white: Float[Tensor, ' k'], generator: torch.Generator
) -> Float[Tensor, 'k 3 s s']:
    """Turn day into night.

    Args:
        view: Upright views in linear radiance, white surfaces near `white`; sides are multiples
            of 8.
        white: Radiance at which each reference frame clips.
        generator: Random generator.
    """
    count, size = len(view), view.shape[-1]
    device = view.device
    u = torch.rand((9, count, _LAMPS, 1, 1), generator=generator).to(device)
    tint = _TINTS[torch.randint(len(_TINTS), (count, _LAMPS), generator=generator)].to(device)
    horizon = 0.5 * u[0, :, :1] - 0.15
    depth = 0.3 + 0.7 * u[1]
    x = 1.4 * u[2] - 0.7
    y = horizon - (0.1 + 0.6 * u[3]) * depth
    present = (u[4] < 0.7).float()
    light = _lamp_light(size // _COARSE, x, y, horizon, depth, present * 0.2 * 15 ** u[5])
    ambient = 0.003 * 15 ** u[6, :, :1]
    coarse = ambient + torch.einsum('klyx,klc->kcyx', light, tint)
    night = view * _enlarge(coarse, size)
    brightness = present * white.to(device)[:, None, None, None] * 4 * 80 ** u[7]
    night += torch.einsum('klyx,klc->kcyx', brightness * _lamp_discs(size, x, y, depth), tint)
    wetness = _random_wetness(count, generator).to(device)
    return night + wetness * _enlarge(_reflection(night, horizon, generator), size)


def _random_wetness(count: int, generator: torch.Generator) -> Float[Tensor, 'k 1 1 1']:
    """Reflectance of the ground; two streets in five are dry."""
    u = torch.rand((count, 1, 1, 1), generator=generator)
    return 0.6 * (u - 0.4).clamp(min=0)


def _lamp_light(
    size: int, x: Tensor, y: Tensor, horizon: Tensor, depth: Tensor, strength: Tensor
) -> Float[Tensor, 'k l s s']:
    """Light of each lamp on its surroundings and on the ground, falling off with distance."""
    column, row = _axes(size, x.device)
    near = (column - x) ** 2 + (row - y) ** 2
    foot = horizon + 0.25 * depth
    pool = ((column - x) / 2) ** 2 + (row - foot) ** 2
    return strength * (
        (1 + near / (0.2 * depth) ** 2) ** -1.5 + (1 + pool / (0.15 * depth) ** 2) ** -1.5)


def _lamp_discs(size: int, x: Tensor, y: Tensor, depth: Tensor) -> Float[Tensor, 'k l s s']:
    """The lamps themselves, with soft edges."""
    column, row = _axes(size, x.device)
    distance = ((column - x) ** 2 + (row - y) ** 2).sqrt() * size / 2
    return (1 + 3.5 * depth**2 - distance).clamp(0, 1)


def _reflection(
    night: Tensor, horizon: Tensor, generator: torch.Generator
) -> Float[Tensor, 'k 3 s s']:
    """Mirror image of the scene below the horizon, stretched and rippled as by wet ground."""
    coarse = F.avg_pool2d(night, _COARSE // 2)
    size = coarse.shape[-1]
    row = torch.arange(size, device=night.device)
    line = ((horizon[:, 0, 0] + 1) / 2 * size).long()
    source = (2 * line - row).clamp(0, size - 1)
    image = coarse.gather(2, source[:, None, :, None].expand_as(coarse))
    for _ in range(2):
        image = F.avg_pool2d(image, (9, 1), 1, (4, 0), count_include_pad=False)
    ripples = torch.randn((len(night), 1, size, 1), generator=generator).to(night.device)
    below = ((row - line) / (0.2 * size)).clamp(0, 1)[:, None, :, None]
    return image * below * torch.exp(0.3 * ripples)


def _axes(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Column and row coordinates of a square, -1 to 1."""
    axis = torch.linspace(-1, 1, size, device=device)
    return axis, axis[:, None]


def _enlarge(coarse: Tensor, size: int) -> Tensor:
    return F.interpolate(coarse, (size, size), mode='bilinear')
