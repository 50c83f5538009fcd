# SPDX-License-Identifier: Apache-2.0
"""Fusion module: merge the features of all frames into one map (Sec. 3.2.4, Eq. 5-7)."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.network.layers import WIDTH, SharedConv2d, conv

_TINY = 1e-6


class WeightPredictor(nn.Module):
    """W of Eq. 5: predicts a frame's attention weights from the reference's features and clues.

    Clues tell how a frame relates to the reference, such as its v_i and c_i.
    Paper: "composed of two ResNets", 64 kernels of 3x3 in each layer. Here: one convolution that
    brings the input to 64 channels, then two residual blocks (doc/paper.md#weight-predictor).

    Args:
        clues: Number of channels of all clues together.
        width: Number of channels of f_i and of the weights.
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
    """Two convolutions with a shortcut (He et al. 2016).

    There is no ReLU after the sum: the weights before normalisation may have any sign.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, x: Float[Tensor, 'k c h w']) -> Float[Tensor, 'k c h w']:
        """Refine feature maps; the shape stays."""
        residual: Tensor = self.layers(x)
        return x + residual


def softmax_weights(predicted: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b n c h w']:
    """Normalise over the frames by a softmax; the input may have any sign.

    Paper: w_i = w~_i / sum_j w~_j (Eq. 6). Here: w~_i is the exponential of the predictor's
    output, because the sum of raw outputs could be zero (doc/paper.md#eq-6).
    """
    return predicted.softmax(dim=1).to(predicted.dtype)


def ratio_weights(predicted: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b n c h w']:
    """Normalise over the frames by Eq. 6 as printed; a ReLU makes w~_i positive."""
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
    """Maximum over the frames: pooling instead of attention."""
    return features.amax(dim=1)


def mean_pool(features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b c h w']:
    """Mean over the frames: pooling instead of attention."""
    return features.mean(dim=1)


def concatenation(features: Float[Tensor, 'b n c h w']) -> Float[Tensor, 'b d h w']:
    """Concatenate all frames to d = n * c channels: structure (a) of Sec. 4.2.1."""
    return features.flatten(1, 2)
