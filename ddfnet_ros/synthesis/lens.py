# SPDX-License-Identifier: Apache-2.0
"""Effects of lens and shutter on light before the sensor: glare and uneven shading.

Glare reaches the sensor in every frame in proportion to its exposure, like light of the scene, so
a longer exposure clips in a larger part of it. No single frame can tell it from the scene, so the
truth contains it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_STEP = 4  # glare is so smooth that a quarter of the resolution suffices


def with_glare(
    radiance: Float[Tensor, 'b n 3 h w'], halo: Float[Tensor, ' b'], veil: Float[Tensor, ' b']
) -> Float[Tensor, 'b n 3 h w']:
    """Scatter a share of all light: `halo` a few pixels, `veil` over a quarter of the picture.

    Light is preserved except at the borders, where the edge is taken to continue.

    Args:
        radiance: Linear radiance.
        halo: Share of the light that is scattered near.
        veil: Share of the light that is scattered far.
    """
    scenes, frames = radiance.shape[:2]
    coarse = F.avg_pool2d(radiance.flatten(0, 1), _STEP)
    near = _blur(coarse, 2)
    coarser = F.avg_pool2d(F.pad(near, (0, -near.shape[-1] % 4, 0, -near.shape[-2] % 4),
                                 mode='replicate'), 4)
    far = F.interpolate(_blur(coarser, 2), scale_factor=4, mode='bilinear')
    halo, veil = (share.to(radiance.device).repeat_interleave(frames)[:, None, None, None]
                  for share in (halo, veil))
    scattered = halo * near + veil * far[..., :near.shape[-2], :near.shape[-1]]
    full = F.interpolate(scattered, radiance.shape[-2:], mode='bilinear')
    kept = (1 - halo - veil).unflatten(0, (scenes, frames))
    return torch.addcmul(full.unflatten(0, (scenes, frames)), radiance, kept)


def _blur(pictures: Tensor, times: int) -> Tensor:
    """Blur repeatedly with the kernel 1-2-1 along rows and columns."""
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
        centre: Optical axis (x, y), relative to the middle of the picture [picture sides].
        strength: Squared ratio of picture side to focal length.
    """
    axis = torch.linspace(-0.5, 0.5, size)
    x = (axis - centre[:, :1])[:, None, :]
    y = (axis - centre[:, 1:])[:, :, None]
    squared = (x**2 + y**2) * strength[:, None, None]
    return ((1 + squared) ** -2)[:, None, None]


def shutter_slope(size: int, slope: Float[Tensor, 'b n']) -> Float[Tensor, 'b n 1 h 1']:
    """Exposure factor that changes linearly from row to row, as with uneven shutter curtains."""
    rows = torch.linspace(-0.5, 0.5, size)
    return (1 + slope[..., None] * rows)[:, :, None, :, None]
