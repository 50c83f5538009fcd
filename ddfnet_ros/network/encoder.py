# SPDX-License-Identifier: Apache-2.0
"""Encoder E: f_i = E(X_i) (Sec. 3.2.1)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, conv, per_frame


class Encoder(nn.Module):
    """Two convolutions with ReLU, applied to each frame independently.

    Args:
        gamma_corrected: Whether to encode [I_i, P_i], structure (b) of Sec. 4.2.2, or only I_i,
            structure (a).
        width: Number of channels of f_i.
    """

    def __init__(self, gamma_corrected: bool = True, width: int = WIDTH) -> None:
        super().__init__()
        self.channels = 6 if gamma_corrected else 3
        self.layers = nn.Sequential(
            conv(self.channels, width), nn.ReLU(), conv(width, width), nn.ReLU()
        )

    def forward(self, stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b n c h w']:
        """Embed every X_i = [I_i, P_i] of the input stack."""
        return per_frame(self.layers, stack[:, :, :self.channels])
