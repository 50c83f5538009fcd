# SPDX-License-Identifier: Apache-2.0
"""One colour per pixel (Bayer, US patent 3971065), and the plainest way back to three."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_SIDES = ((0.0, 0.25, 0.0), (0.25, 1.0, 0.25), (0.0, 0.25, 0.0))  # green: four neighbours
_CORNERS = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))  # red and blue: two or four


def measured(height: int, width: int) -> Float[Tensor, '3 h w']:
    """1 where a pixel of an RGGB mosaic measures the colour, else 0."""
    mask = torch.zeros(3, height, width)
    mask[0, 0::2, 0::2] = 1
    mask[1, 0::2, 1::2] = 1
    mask[1, 1::2, 0::2] = 1
    mask[2, 1::2, 1::2] = 1
    return mask


def demosaic(pictures: Float[Tensor, '*b 3 h w']) -> Float[Tensor, '*b 3 h w']:
    """Keep what an RGGB mosaic measures and interpolate the rest bilinearly."""
    mosaic = pictures * measured(*pictures.shape[-2:]).to(pictures.device)
    kernel = torch.tensor([_CORNERS, _SIDES, _CORNERS], device=pictures.device)
    # Reflection without the border pixel keeps the colours of the mosaic in step.
    padded = F.pad(mosaic.reshape(-1, *mosaic.shape[-3:]), (1, 1, 1, 1), mode='reflect')
    return F.conv2d(padded, kernel[:, None], groups=3).reshape(pictures.shape)
