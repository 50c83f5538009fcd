# SPDX-License-Identifier: Apache-2.0
"""Light sources: single lamps, headlights of a car, traffic lights.

Each has a dark body and a light mask: a core, a corona around it, and below headlights their
reflection on wet ground. Colour and brightness are one radiance per channel.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis.canvas import axis, inside
from ddfnet_ros.synthesis.scene_settings import LAYER

_BODY = 0.02  # least radiance of a switched-off lamp or a housing, relative to white
_SIGNALS = torch.tensor([[1.0, 0.06, 0.03], [1.0, 0.45, 0.03], [0.05, 1.0, 0.45]])
_LAMPS = torch.tensor([
    [1.0, 0.95, 0.85],  # LED
    [0.75, 0.9, 1.0],  # xenon
    [1.0, 0.7, 0.35],  # filament
    [1.0, 0.5, 0.12],  # sodium
    [1.0, 0.05, 0.03],  # rear light
])


def draw_lamps(
    white: Float[Tensor, ' k'], generator: torch.Generator
) -> tuple[Float[Tensor, 'k 5 s s'], Float[Tensor, 'k 1 3']]:
    """Draw random light sources.

    Args:
        white: Radiance at which the reference frame of each source's scene clips.
        generator: Random generator.

    Returns:
        Textures, and the radiance of the cores: 1 to 300 times white.
    """
    count = len(white)
    u = torch.rand((6, count, 1, 1), generator=generator)
    kind = (3 * u[0]).floor()
    lamp, headlights, signal = ((kind == k).float() for k in range(3))
    lit = (3 * u[1]).floor()  # which lamp of a traffic light is lit, from the top
    x, y = axis(), axis()[:, None]
    distance = _distance(x, y - signal * 0.52 * (lit - 1))
    aside = _distance(x.abs() - 0.55, y)
    distance = torch.where(headlights > 0, aside, distance)
    radius = lamp * (0.15 + 0.25 * u[2]) + headlights * (0.06 + 0.1 * u[2]) + signal * 0.2
    core = (0.5 + (radius - distance) * LAYER / 3).clamp(0, 1)
    corona = 0.02 * u[3] * torch.exp(-4 * distance / radius)
    streak = headlights * 0.1 * u[4] * _streak(x.abs() - 0.55, y, radius)
    mask = (core + (corona + streak) * inside(6.0)).clamp(max=1)
    body = torch.maximum(core, _body(x, y, headlights, signal, u[5]))
    reflected = (white[:, None, None, None] * _BODY * (1 + 4 * u[5][:, None])).expand(
        -1, 3, LAYER, LAYER)
    texture = torch.cat([reflected, body[:, None], mask[:, None]], dim=1)
    return texture, _colour(kind, lit, white, generator)


def _colour(
    kind: Tensor, lit: Tensor, white: Tensor, generator: torch.Generator
) -> Float[Tensor, 'k 1 3']:
    count = len(white)
    lamps = _LAMPS[torch.randint(len(_LAMPS), (count,), generator=generator)]
    colour = torch.where(kind.flatten()[:, None] == 2, _SIGNALS[lit.flatten().long()], lamps)
    level = white * 300 ** torch.rand(count, generator=generator)
    return (level[:, None] * colour)[:, None]


def _body(x: Tensor, y: Tensor, headlights: Tensor, signal: Tensor, u: Tensor) -> Tensor:
    """Opacity of the housing of traffic lights, and of the body of half of the cars."""
    housing = _box(x, y, 0.3, 0.85) * signal
    car = _box(x, y - 0.02, 0.85, 0.5) * headlights * (u < 0.5)
    return torch.maximum(housing, car)


def _box(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    """Opacity of a rounded rectangle, an eighth-power superellipse."""
    radius = ((x / half_width) ** 8 + (y / half_height) ** 8) ** (1 / 8)
    return (12 * (1.05 - radius)).clamp(0, 1)


def _streak(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
    """Reflection on wet ground: stretched downwards and broken up by ripples."""
    below = (4 * (y - 0.15)).clamp(0, 1) * torch.exp(-3 * (y - 0.15).clamp(min=0))
    ripples = 0.6 + 0.4 * torch.sin(60 * y + 9 * torch.sin(7 * y))
    return below * ripples * torch.exp(-((x / (1.5 * radius)) ** 2))


def _distance(x: Tensor, y: Tensor) -> Tensor:
    return (x**2 + y**2).sqrt()
