# SPDX-License-Identifier: Apache-2.0
"""Textures that move in front of the background: blobs, solid shapes, cut-outs and lamps.

A layer is an RGBA picture of LAYER x LAYER pixels, colour linear and not yet scaled, with a soft
edge. `scenes.py` places, moves and lights it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.backdrop import PanoramaBank
from ddfnet_ros.synthesis.flicker import random_flicker

LAYER = 96  # pixels along the side of a layer's texture

Layers = Float[Tensor, 'k 4 s s']


def random_layers(
    panoramas: PanoramaBank,
    cutouts: CutoutBank | None,
    layers: int,
    exposure: Float[Tensor, 'b n'],
    generator: torch.Generator,
) -> tuple[Float[Tensor, 'b k 4 s s'], Float[Tensor, 'b k n']]:
    """Make the moving layers of a batch, lit, the last one in front.

    Args:
        panoramas: Source of textures.
        cutouts: Drawn figures, if there are any.
        layers: How many per scene; a layer is absent in three scenes of ten.
        exposure: Relative exposures of the frames, the reference first.
        generator: Source of everything random.

    Returns:
        The layers, and how bright each shines in each frame: 1 but for flickering lamps.
    """
    shape = (len(exposure), layers)
    count = shape[0] * shape[1]
    if not count:
        return torch.zeros((*shape, 4, LAYER, LAYER)), torch.ones((*shape, exposure.shape[1]))
    textures = panoramas.draw([False] * count, LAYER, generator).exp_()
    textures = textures / textures.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    kinds = [blobs(textures, generator), solids(textures, generator), lamps(count, generator)]
    if cutouts is not None:
        kinds.append(cutouts.draw(count, generator))
    choice = torch.randint(len(kinds), (count,), generator=generator)
    chosen = torch.stack(kinds)[choice, torch.arange(count)]
    level = _random_levels(choice == 2, generator)
    present = torch.rand((count, 1, 1, 1), generator=generator) > 0.3
    white = (1 / exposure[:, 0]).repeat_interleave(layers)[:, None, None, None]
    lit = chosen[:, :3].clamp(max=20) * level * white
    drawn = torch.cat([lit, chosen[:, 3:] * present], dim=1).unflatten(0, shape)
    return drawn, random_flicker((choice == 2).unflatten(0, shape), exposure, generator)


def _random_levels(lamp: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness over the reference's white: 0.01 to 3, lamps 1 to 200."""
    u = torch.rand(len(lamp), generator=generator)
    return torch.where(lamp, 200**u, 0.01 * 300**u)[:, None, None, None]


class CutoutBank:
    """Drawn figures and vehicles with an alpha channel, from a folder of RGBA pictures."""

    def __init__(self, folder: Path) -> None:
        self._pictures = torch.stack([_read_cutout(path) for path in sorted(folder.glob('*.png'))])

    def draw(self, count: int, generator: torch.Generator) -> Layers:
        """Pick cut-outs, each recoloured by a random tint so that flat paint varies."""
        index = torch.randint(len(self._pictures), (count,), generator=generator)
        layers = self._pictures[index].float()
        layers[:, :3] *= 0.3 + 0.7 * torch.rand((count, 3, 1, 1), generator=generator)
        return layers


def _read_cutout(path: Path) -> Tensor:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ValueError(f'expected an RGBA picture, got {path.name}; remove it from the folder')
    scale = (LAYER - 4) / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((LAYER, LAYER, 4), np.uint8)
    top, left = (LAYER - small.shape[0]) // 2, (LAYER - small.shape[1]) // 2
    canvas[top:top + small.shape[0], left:left + small.shape[1]] = small
    rgba = torch.from_numpy(canvas[..., [2, 1, 0, 3]].copy()).permute(2, 0, 1) / 255
    rgba[:3] = rgba[:3] ** GAMMA
    return rgba.half()


def blobs(textures: Float[Tensor, 'k 3 s s'], generator: torch.Generator) -> Layers:
    """Irregular patches cut out of the given textures."""
    count = len(textures)
    coarse = torch.randn((count, 1, 7, 7), generator=generator)
    field = F.interpolate(coarse, (LAYER, LAYER), mode='bicubic', align_corners=True)
    distance = _radius(2.0 * torch.ones(count, 1, 1, 1))
    sharpness = 4 + 30 * torch.rand((count, 1, 1, 1), generator=generator)
    alpha = torch.sigmoid(sharpness * (0.35 * field + 0.65 - distance)) * _inside()
    return torch.cat([textures, alpha], dim=1)


def solids(textures: Float[Tensor, 'k 3 s s'], generator: torch.Generator) -> Layers:
    """Superellipses, from diamonds over discs to rectangles, cut out of the given textures."""
    power = 1 + 7 * torch.rand((len(textures), 1, 1, 1), generator=generator) ** 2
    alpha = (12 * (0.92 - _radius(power))).clamp(0, 1)
    return torch.cat([textures, alpha], dim=1)


def lamps(count: int, generator: torch.Generator) -> Layers:
    """Round lights with a faint corona, tinted."""
    radius = _radius(2.0 * torch.ones(count, 1, 1, 1))
    core = torch.sigmoid(40 * (0.35 - radius))
    corona = 0.03 * torch.exp(-6 * radius)
    tint = 0.25 + 0.75 * torch.rand((count, 3, 1, 1), generator=generator)
    alpha = (core + corona).clamp(max=1) * _inside()
    return torch.cat([tint.expand(-1, -1, LAYER, LAYER), alpha], dim=1)


def _axis() -> Tensor:
    return torch.linspace(-1, 1, LAYER)


def _radius(power: Tensor) -> Tensor:
    """Distance from the middle in the norm of the given power; 1 at the edges' middles."""
    x = _axis().abs() ** power
    y = _axis()[:, None].abs() ** power
    return (x + y) ** (1 / power)


def _inside() -> Tensor:
    """1 inside, falling to 0 over the last pixels, so that no texture ends in a hard border."""
    ramp = (12 * (1 - _axis().abs())).clamp(max=1)
    return ramp * ramp[:, None]
