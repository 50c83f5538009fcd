# SPDX-License-Identifier: Apache-2.0
"""Kalantari17, for comparison: align by flow, then weigh the frames with four convolutions.

Kalantari, Ramamoorthi: Deep High Dynamic Range Imaging of Dynamic Scenes, ACM TOG 36(4), 2017. Its
weight estimator has kernels of 7, 5, 3 and 1 pixels over the aligned frames, LDR and corrected,
with ReLU in between and a sigmoid at the end; the result is the weighted mean of the aligned
frames. Unlike the authors we take the flow that all models here get (theirs is Liu's of 2009), and
pad images where theirs shrink.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.flow.warp import warp

_KERNELS = (7, 5, 3, 1)
_LEAST = 1e-6  # lower bound of the sum of weights, to avoid a division by zero


@dataclass(frozen=True)
class Kalantari17Config:
    """Size of the network.

    Attributes:
        channels: Channels of the three hidden layers.
        frames: Number of frames in a bracket.
    """

    channels: tuple[int, int, int] = (100, 100, 50)
    frames: int = 3


class Kalantari17(nn.Module):
    """Alignment (Sec. 3.1) and the weight estimator (Sec. 3.2)."""

    multiple = 1
    """Height and width of the input are arbitrary."""

    def __init__(self, config: Kalantari17Config | None = None) -> None:
        super().__init__()
        self.config = config or Kalantari17Config()
        frames = self.config.frames
        widths = (6 * frames, *self.config.channels, 3 * frames)
        layers = [nn.Conv2d(inputs, outputs, side, padding=side // 2)
                  for side, (inputs, outputs) in zip(_KERNELS, pairwise(widths), strict=True)]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
        self.layers = nn.Sequential(
            *(part for layer in layers[:-1] for part in (layer, nn.ReLU())), layers[-1],
            nn.Sigmoid())

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long.
            flow: Motion from the reference to each of the m = n - 1 other frames [px], (x, y).
            reference_index: Not used.

        Returns:
            Radiance >= 0 relative to the shortest exposure, aligned with the reference.

        Raises:
            ValueError: the number of frames differs from the config's.
        """
        if stack.shape[1] != self.config.frames:
            raise ValueError(f'expected {self.config.frames} frames, got {stack.shape[1]}; '
                             'Kalantari17 is trained for one number of them')
        aligned = torch.cat([stack[:, :1], warp(stack[:, 1:], flow)], dim=1)
        weights = self.layers(aligned.flatten(1, 2)).float().unflatten(1, (-1, 3))
        total = weights.sum(dim=1).clamp(min=_LEAST)
        radiance: Tensor = (weights * aligned[:, :, 3:]).sum(dim=1) / total
        return radiance
