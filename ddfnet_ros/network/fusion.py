# SPDX-License-Identifier: Apache-2.0
"""Fusion module: the features of all frames become one map (Sec. 3.2.4, Eq. 5-7)."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, SharedConv2d, conv

_TINY = 1e-6


class WeightPredictor(nn.Module):
    """W of Eq. 5: attention weights of a frame from the reference's features and the clues.

    Paper: "composed of two ResNets", 64 kernels of 3x3 in each layer. Here: one convolution that
    brings the input to 64 channels, then two residual blocks (doc/paper.md#weight-predictor).

    Args:
        clues: Channels of the clues: v_i and c_i together.
        width: Channels of f_i and of the weights.
    """

    def __init__(self, clues: int = 2 * WIDTH, width: int = WIDTH) -> None:
        super().__init__()
        self.entry = SharedConv2d(width, clues, width)
        self.blocks = nn.Sequential(ResidualBlock(width), ResidualBlock(width))

    def forward(
        self, reference: Float[Tensor, 'b d h w'], clues: Float[Tensor, 'b n c h w']
    ) -> Float[Tensor, 'b n d h w']:
        """Predict the weights before normalisation, w~_i = W(f_1, v_i, c_i) (Eq. 5)."""
        entered = self.entry(reference, clues).relu()
        predicted: Tensor = self.blocks(entered.flatten(0, 1))
        return predicted.reshape(entered.shape)


class ResidualBlock(nn.Module):
    """Two convolutions around a shortcut (He et al. 2016).

    Without a ReLU after the sum: the weights before normalisation may have any sign.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, x: Float[Tensor, 'k c h w']) -> Float[Tensor, 'k c h w']:
        """Same shape out as in."""
        residual: Tensor = self.layers(x)
        return x + residual


def softmax_weights(predicted: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b n c h w']:
    """Normalise over the frames; any sign is allowed.

    Paper: w_i = w~_i / sum_j w~_j (Eq. 6). Here: w~_i is the exponential of what the predictor
    gives, because nothing keeps the sum of raw outputs away from zero (doc/paper.md#eq-6).
    """
    return predicted.softmax(dim=1).to(predicted.dtype)


def ratio_weights(predicted: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b n c h w']:
    """Normalise over the frames by Eq. 6 as printed, with w~_i made positive by a ReLU."""
    positive = predicted.relu() + _TINY
    return positive / positive.sum(dim=1, keepdim=True)


NORMALISATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    'softmax': softmax_weights,
    'ratio': ratio_weights,
}


def weighted_sum(
    weights: Float[Tensor, 'b n c h w'], features: Float[Tensor, 'b n c h w']
) -> Float[Tensor, 'b c h w']:
    """Merge the features, f~ = sum_i w_i * f_i (Eq. 7)."""
    return (weights * features).sum(dim=1)


def max_pool(features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b c h w']:
    """The strongest response of any frame: pooling in place of attention."""
    return features.amax(dim=1)


def mean_pool(features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b c h w']:
    """The mean of all frames: pooling in place of attention."""
    return features.mean(dim=1)


def concatenation(features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b d h w']:
    """All frames side by side, d = n * c channels: structure (a) of Sec. 4.2.1."""
    return features.flatten(1, 2)
