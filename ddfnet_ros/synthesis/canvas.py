# SPDX-License-Identifier: Apache-2.0
"""Coordinates of the square texture that a layer is drawn on."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis.scene_settings import LAYER


def axis() -> Float[Tensor, ' s']:
    """Pixel coordinates along a side, -1 to 1."""
    return torch.linspace(-1, 1, LAYER)


def inside(steepness: float) -> Float[Tensor, 's s']:
    """Mask that is 1 inside and falls to 0 at the edges, so that no border is hard."""
    ramp = (steepness * (1 - axis().abs())).clamp(max=1)
    return ramp * ramp[:, None]
