# SPDX-License-Identifier: Apache-2.0
"""What lens and shutter do to light before a sensor measures it: glare and uneven shading.

Glare is light: it reaches the sensor in every frame in proportion to its exposure, so that a
longer frame clips further into it. No single frame tells it from light of the scene, and the
truth therefore contains it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_STEP = 4  # glare is so smooth that a quarter of the resolution carries it


def with_glare(
    radiance: Float[Tensor, 'b n 3 h w'], halo: Float[Tensor, ' b'], veil: Float[Tensor, ' b']
) -> Float[Tensor, 'b n 3 h w']:
    """Scatter a share of all light: `halo` a few pixels, `veil` over a quarter of the picture.

    No light is lost but at the borders, where the scene is taken to go on as it ends.

    Args:
        radiance: Linear.
        halo: Share of the light scattered near.
        veil: Share of the light scattered far.
    """
    scenes, frames = radiance.shape[:2]
    coarse = F.avg_pool2d(radiance.flatten(0, 1), _STEP)
    near = _blurred(coarse, 2)
    coarser = F.avg_pool2d(F.pad(near, (0, -near.shape[-1] % 4, 0, -near.shape[-2] % 4),
                                 mode='replicate'), 4)
    far = F.interpolate(_blurred(coarser, 2), scale_factor=4, mode='bilinear')
    halo, veil = (share.to(radiance.device).repeat_interleave(frames)[:, None, None, None]
                  for share in (halo, veil))
    scattered = halo * near + veil * far[..., :near.shape[-2], :near.shape[-1]]
    full = F.interpolate(scattered, radiance.shape[-2:], mode='bilinear')
    kept = (1 - halo - veil).unflatten(0, (scenes, frames))
    return torch.addcmul(full.unflatten(0, (scenes, frames)), radiance, kept)


def _blurred(pictures: Tensor, times: int) -> Tensor:
    """Blur with 1-2-1 along rows and columns."""
    for _ in range(times):
        padded = F.pad(pictures, (1, 1, 1, 1), mode='replicate')
        rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
        pictures = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16
    return pictures


def vignette(
    size: int, centre: Float[Tensor, 'b 2'], strength: Float[Tensor, ' b']
) -> Float[Tensor, 'b 1 1 h w']:
    """Natural fall-off towards the corners, cos^4 of the angle off the axis.

    Args:
        size: Side of the square picture [px].
        centre: The lens's axis (x, y), in picture sides from the middle of the picture.
        strength: Square of a picture side over the focal length.
    """
    axis = torch.linspace(-0.5, 0.5, size)
    x = (axis - centre[:, :1])[:, None, :]
    y = (axis - centre[:, 1:])[:, :, None]
    squared = (x**2 + y**2) * strength[:, None, None]
    return ((1 + squared) ** -2)[:, None, None]


def shutter_slope(size: int, slope: Float[Tensor, 'b n']) -> Float[Tensor, 'b n 1 h 1']:
    """Exposure that changes from row to row, as when a shutter's curtains run unevenly."""
    rows = torch.linspace(-0.5, 0.5, size)
    return (1 + slope[..., None] * rows)[:, :, None, :, None]
