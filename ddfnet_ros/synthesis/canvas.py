# SPDX-License-Identifier: Apache-2.0
"""The square that a layer is drawn in."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ddfnet_ros.synthesis.scene_settings import LAYER


def axis() -> Float[Tensor, ' s']:
    """Places along a side, -1 to 1."""
    return torch.linspace(-1, 1, LAYER)


def inside(steepness: float) -> Float[Tensor, 's s']:
    """1 inside, falling to 0 at the edges, so that nothing ends in a hard border."""
    ramp = (steepness * (1 - axis().abs())).clamp(max=1)
    return ramp * ramp[:, None]
