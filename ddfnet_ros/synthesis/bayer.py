# SPDX-License-Identifier: Apache-2.0
"""Bayer mosaic (US patent 3971065) and bilinear demosaicing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Interpolation kernels: green from four neighbours, red and blue from two or four.
_GREEN = ((0.0, 0.25, 0.0), (0.25, 1.0, 0.25), (0.0, 0.25, 0.0))
_RED_BLUE = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))


def bayer_mask(height: int, width: int) -> Float[Tensor, '3 h w']:
    """1 where a pixel of an RGGB mosaic measures the colour, else 0."""
    mask = torch.zeros(3, height, width)
    mask[0, 0::2, 0::2] = 1
    mask[1, 0::2, 1::2] = 1
    mask[1, 1::2, 0::2] = 1
    mask[2, 1::2, 1::2] = 1
    return mask


def demosaic(pictures: Float[Tensor, '*b 3 h w']) -> Float[Tensor, '*b 3 h w']:
    """Keep the colours that an RGGB mosaic measures and interpolate the others bilinearly."""
    mosaic = pictures * bayer_mask(*pictures.shape[-2:]).to(pictures.device)
    kernel = torch.tensor([_RED_BLUE, _GREEN, _RED_BLUE], device=pictures.device)
    # Reflection that does not repeat the border pixel continues the mosaic's pattern.
    padded = F.pad(mosaic.reshape(-1, *mosaic.shape[-3:]), (1, 1, 1, 1), mode='reflect')
    return F.conv2d(padded, kernel[:, None], groups=3).reshape(pictures.shape)
