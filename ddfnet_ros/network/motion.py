# SPDX-License-Identifier: Apache-2.0
"""Motion encoder: turns the flow of each frame into motion features v_i (Sec. 3.2.2)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, conv, per_frame

FLOW_UNIT = 16.0
"""Flow of 1 at the network's input [px]. Paper: silent on the scale of the flow. Here: a fixed
unit, because flow reaches 60 pixels while all other inputs are in [0, 1] (doc/paper.md#motion)."""


class MotionEncoder(nn.Module):
    """Three convolutions with ReLU."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(2, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width), nn.ReLU()
        )

    def forward(self, flow: Float[Tensor, 'b m 2 h w']) -> Float[Tensor, 'b n c h w']:
        """Encode motion.

        Args:
            flow: Motion from the reference to each of the m = n - 1 other frames [px], (x, y).

        Returns:
            Features v_i of all n frames; the reference's, v_1, are zero (Sec. 3.2.4).
        """
        motion = per_frame(self.layers, flow / FLOW_UNIT)
        return torch.cat([torch.zeros_like(motion[:, :1]), motion], dim=1)
