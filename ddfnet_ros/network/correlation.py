# SPDX-License-Identifier: Apache-2.0
"""Correlation estimation module C: c_i = C(f_1, f_i) (Sec. 3.2.3)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, SharedConv2d


class Correlation(nn.Module):
    """One convolution with ReLU over the reference's features and another frame's."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layer = SharedConv2d(width, width, width)

    def forward(self, features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b n c h w']:
        """Correlate each frame, including the reference (the first), with the reference."""
        correlation: Tensor = self.layer(features[:, 0], features)
        return correlation.relu()
