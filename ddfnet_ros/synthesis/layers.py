# SPDX-License-Identifier: Apache-2.0
"""Layers in front of the background: blobs, solid shapes, cut-outs and lamps.

A layer's texture has LAYER x LAYER pixels and five channels: RGB of the reflected light times
opacity, opacity, and a mask of what emits light. Colours are linear. `motion.py` places layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ddfnet_ros.radiance import GAMMA
from ddfnet_ros.synthesis.canvas import axis, inside
from ddfnet_ros.synthesis.flicker import random_flicker
from ddfnet_ros.synthesis.lamps import draw_lamps
from ddfnet_ros.synthesis.panorama_bank import PanoramaBank
from ddfnet_ros.synthesis.scene_settings import LAYER

Textures = Float[Tensor, 'k 5 s s']

_BLOB, _SOLID, _CUTOUT, _LAMP = range(4)
_SHARES = (0.2, 0.1, 0.45, 0.25)  # probability of each kind
_ABSENT = 0.3  # probability that a layer is absent


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The layers of a batch, the last one in front.

    Attributes:
        texture: Reflected radiance times opacity, opacity, and mask of emitted light.
        light: Emitted radiance in each frame; 0 for layers that emit none.
        upright: Mask of layers that stand upright in the world; on the CPU.
        soft: Mask of layers that may bend; on the CPU.
    """

    texture: Float[Tensor, 'b k 5 s s']
    light: Float[Tensor, 'b k n 3']
    upright: Bool[Tensor, 'b k']
    soft: Bool[Tensor, 'b k']


def random_layers(
    panoramas: PanoramaBank,
    cutouts: CutoutBank | None,
    layers: int,
    exposure: Float[Tensor, 'b n'],
    daylight: Float[Tensor, ' b'],
    generator: torch.Generator,
) -> Layers:
    """Draw the layers of a batch.

    Args:
        panoramas: Source of textures; their device is that of the layers.
        cutouts: Cut-out figures; None for scenes without them.
        layers: Number of layers per scene; each is absent in three scenes out of ten.
        exposure: Relative exposures of the frames, the reference first.
        daylight: Light that falls on each scene's layers; 1 by day.
        generator: Random generator.
    """
    shape = (len(exposure), layers)
    kind = _random_kinds(shape, cutouts, generator)
    present = torch.rand(shape, generator=generator) >= _ABSENT
    white = (1 / exposure[:, :1]).expand(shape)
    texture = torch.zeros((*shape, 5, LAYER, LAYER), device=panoramas.device)
    colour = torch.zeros((*shape, 1, 3))
    for which in range(len(_SHARES)):
        chosen = (kind == which) & present
        if not chosen.any():
            continue
        if which == _LAMP:
            drawn, colour[chosen] = draw_lamps(white[chosen], generator)
        else:
            drawn = _draw_shapes(which, int(chosen.sum()), panoramas, cutouts, generator)
            _illuminate(drawn, (white * daylight[:, None])[chosen], generator)
        drawn[:, :3] *= drawn[:, 3:4]
        texture[chosen.nonzero(as_tuple=True)] = drawn.to(texture.device)
    light = colour * random_flicker(kind == _LAMP, exposure, generator)[..., None]
    return Layers(texture=texture, light=light.to(texture.device),
                  upright=(kind == _CUTOUT) | (kind == _LAMP),
                  soft=(kind == _BLOB) | (kind == _CUTOUT))


def _random_kinds(
    shape: tuple[int, int], cutouts: CutoutBank | None, generator: torch.Generator
) -> Int[Tensor, 'b layers']:
    """Random kind of each layer, an index of _SHARES; cut-outs only if there are any."""
    shares = torch.tensor(_SHARES)
    if cutouts is None:
        shares[_CUTOUT] = 0
    count = shape[0] * shape[1]
    if not count:
        return torch.zeros(shape, dtype=torch.long)
    return torch.multinomial(shares, count, True, generator=generator).reshape(shape)


def _draw_shapes(
    kind: int, count: int, panoramas: PanoramaBank, cutouts: CutoutBank | None,
    generator: torch.Generator,
) -> Textures:
    """Layers that only reflect light; a brightness of 1 is about that of white paper."""
    textures = panoramas.textures(count, LAYER, generator)
    textures -= textures.mean(dim=(1, 2, 3), keepdim=True)
    if kind == _CUTOUT and cutouts is not None:
        return cutouts.draw(textures, generator)
    textures = textures.clamp_(max=3).exp_()
    alpha = (blobs if kind == _BLOB else solids)(count, generator)
    return F.pad(torch.cat([textures, alpha.to(textures.device)], dim=1), (0, 0, 0, 0, 0, 1))


def _illuminate(
    textures: Textures, incident: Float[Tensor, ' k'], generator: torch.Generator
) -> None:
    """Scale each layer, in place, to reflect 0.01 to 3 times the incident light."""
    reflected = incident * 0.01 * 300 ** torch.rand(len(incident), generator=generator)
    textures[:, :3] *= reflected[:, None, None, None].to(textures.device)


class CutoutBank:
    """Figures and vehicles with an alpha channel, from a folder of RGBA pictures."""

    def __init__(self, folder: Path, device: torch.device | str = 'cpu') -> None:
        pictures = [_read_cutout(path) for path in sorted(folder.glob('*.png'))]
        if not pictures:
            raise ValueError(f'expected .png pictures in {folder}, got none; name their folder')
        self._pictures = torch.stack(pictures).to(device)

    def draw(
        self, textures: Float[Tensor, 'k 3 s s'], generator: torch.Generator
    ) -> Textures:
        """Pick a cut-out for each texture, tint it, and shade it unevenly so that it looks solid.

        Args:
            textures: Logarithms of the light on the cut-outs, around 0.
            generator: Random generator.
        """
        count = len(textures)
        index = torch.randint(len(self._pictures), (count,), generator=generator)
        layers = self._pictures[index.to(self._pictures.device)].float()
        tint = 0.3 + 0.7 * torch.rand((count, 3, 1, 1), generator=generator)
        slope = torch.randn((2, count, 1, 1, 1), generator=generator)
        relief = 0.5 * torch.rand((count, 1, 1, 1), generator=generator)
        across = axis()
        shade = 0.4 * (slope[0] * across - slope[1].abs() * across[:, None])
        shade = shade.to(textures.device) + relief.to(textures.device) * textures
        layers[:, :3] *= shade.clamp_(max=1).exp_() * tint.to(textures.device)
        return F.pad(layers, (0, 0, 0, 0, 0, 1))


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


def blobs(count: int, generator: torch.Generator) -> Float[Tensor, 'k 1 s s']:
    """Opacity of random irregular patches."""
    coarse = torch.randn((count, 1, 7, 7), generator=generator)
    field = F.interpolate(coarse, (LAYER, LAYER), mode='bicubic', align_corners=True)
    sharpness = 4 + 30 * torch.rand((count, 1, 1, 1), generator=generator)
    distance = _radius(torch.full((count, 1, 1, 1), 2.0))
    return torch.sigmoid(sharpness * (0.35 * field + 0.65 - distance)) * inside(12.0)


def solids(count: int, generator: torch.Generator) -> Float[Tensor, 'k 1 s s']:
    """Opacity of random superellipses: diamonds, discs, rectangles and shapes in between."""
    power = 1 + 7 * torch.rand((count, 1, 1, 1), generator=generator) ** 2
    return (16 * (0.92 - _radius(power))).clamp(0, 1)


def _radius(power: Tensor) -> Tensor:
    """Distance from the middle in the p-norm of this power; 1 in the middle of each edge."""
    x = axis().abs() ** power
    y = axis()[:, None].abs() ** power
    return (x + y) ** (1 / power)
