# SPDX-License-Identifier: Apache-2.0
"""The small network: the paper's attention at a quarter of the resolution.

It keeps the idea of Sec. 3.2 (encode each frame, attend by motion and correlation, fuse features
over any number of frames), but instead of decoding colours it predicts, for every pixel, how much
of each linear input frame to take. Three things make that precise:

- every non-reference frame is offered twice, as taken and moved onto the reference by its flow;
- the weights start from the merge that is right where nothing moves (`static_weights`), so the
  network only has to learn where that is wrong;
- a small bounded residual in the mu-law domain removes what no mixture can.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.bracket import median_index
from ddfnet_ros.flow.warp import warp
from ddfnet_ros.merge import static_weights
from ddfnet_ros.tonemap import MU, mu_law

CELL = 4
"""Pixels along the side of the square that one feature vector describes."""

_FLOW_UNIT = 16.0  # pixels; keeps the motion encoder's input near 1
_MOST = 30.0  # of a logit; its exponential is safe in float32
_PRIOR_FLOOR = 2e-3  # what the static merge leaves to frames that it would not use


@dataclass(frozen=True)
class FastConfig:
    """Size of the network.

    Attributes:
        channels: Width of all feature maps.
        blocks: Residual blocks after the fusion.
        residual: Bound of the residual, in units of the mu-law domain.
    """

    channels: int = 40
    blocks: int = 4
    residual: float = 0.1


class FastFusion(nn.Module):
    """Per-pixel weights over the input frames, from attention at quarter resolution."""

    multiple = CELL
    """Height and width of the input must be multiples of this."""

    def __init__(self, config: FastConfig | None = None) -> None:
        super().__init__()
        self.config = config or FastConfig()
        c = self.config.channels
        self.encoder = nn.Sequential(
            nn.Conv2d(9, c, CELL, stride=CELL), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU()
        )
        self.motion = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, c, 1))
        self.correlation = nn.Sequential(nn.Conv2d(2 * c, c, 1), nn.ReLU())
        self.attention = nn.Sequential(
            nn.Conv2d(3 * c, c, 1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1)
        )
        self.body = nn.Sequential(
            *(ResidualBlock(c, dilation) for dilation in _dilations(self.config.blocks))
        )
        self.frame_head = nn.Sequential(
            nn.Conv2d(3 * c, c, 1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(),
            _starting_at_zero(nn.Conv2d(c, 2 * CELL**2, 1)),
        )
        self.residual_head = _starting_at_zero(nn.Conv2d(c, 3 * CELL**2, 1))

    def forward(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b 3 h w']:
        """Fuse a bracket.

        Args:
            stack: X_i = [I_i, P_i], the reference first, the others from short to long.
            flow: Pixels (x, y) from the reference to each of the m = n - 1 other frames.
            reference_index: How many frames are shorter than the reference; None: the median.

        Returns:
            Radiance relative to the shortest exposure, >= 0, on the reference's pixels.
        """
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        moved = torch.cat([corrected[:, :1], warp(corrected[:, 1:], flow)], dim=1)
        logits, body = self._judge(ldr, corrected, moved, flow)
        residual = self.config.residual * torch.tanh(_pixels(self.residual_head(body)))
        merged = blend(_prior(ldr, reference_index), corrected, moved, logits)
        return add_in_mu_law(merged, residual)

    def reference_share(
        self,
        stack: Float[Tensor, 'b n 6 h w'],
        flow: Float[Tensor, 'b m 2 h w'],
        reference_index: int | None = None,
    ) -> Float[Tensor, 'b h w']:
        """How much of the reference each pixel takes, in [0, 1], as `forward` would."""
        ldr, corrected = stack[:, :, :3], stack[:, :, 3:]
        moved = torch.cat([corrected[:, :1], warp(corrected[:, 1:], flow)], dim=1)
        logits, _ = self._judge(ldr, corrected, moved, flow)
        is_reference = torch.zeros_like(corrected)
        is_reference[:, 0] = 1
        share = blend(_prior(ldr, reference_index), is_reference, is_reference, logits)
        return share.mean(dim=1)

    def _judge(
        self, ldr: Tensor, corrected: Tensor, moved: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of the frames for `blend`, and the features that the residual is made from."""
        features = self._encode(ldr, corrected, moved)
        attended = self._attend(features, flow)
        body = self.body((attended.softmax(dim=1) * features).sum(dim=1))
        return self._frame_logits(body, attended, features), body

    def _encode(self, ldr: Tensor, corrected: Tensor, moved: Tensor) -> Tensor:
        """f_i: what each frame shows, in place and moved (Sec. 3.2.1)."""
        frames = torch.cat([ldr, mu_law(corrected), mu_law(moved)], dim=2).flatten(0, 1)
        if not self.training:  # twice as fast for the first layer, which takes pixels
            frames = frames.contiguous(memory_format=torch.channels_last)
        return self.encoder(frames).unflatten(0, ldr.shape[:2])

    def _attend(self, features: Tensor, flow: Tensor) -> Tensor:
        """Unnormalised w_i from f_1, v_i and c_i (Eq. 5); v_1 is zero."""
        reference = features[:, :1]
        motion = _per_frame(lambda v: self.motion(_summarise(v)), flow)
        correlation = F.relu(_mix(_split(self.correlation)[0], reference, features))
        first, rest = _split(self.attention)
        of_reference, of_motion, of_correlation = first.weight.split(features.shape[2], dim=1)
        mixed = _convolve(correlation, of_correlation, first.bias)
        mixed = mixed + _convolve(reference, of_reference)
        mixed[:, 1:] += _convolve(motion, of_motion)
        return _per_frame(rest, mixed)

    def _frame_logits(self, body: Tensor, attended: Tensor, features: Tensor) -> Tensor:
        """How much more or less than the static merge to take of each frame, (b, n, 2, h, w)."""
        first, rest = _split(self.frame_head)
        mixed = _mix(first, body[:, None], attended, features)
        return _per_frame(lambda x: _pixels(rest(x)), mixed)


class ResidualBlock(nn.Module):
    """Two dilated convolutions around a shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        return x + self.layers(x)


def blend(
    prior: Float[Tensor, 'b n 3 h w'],
    corrected: Float[Tensor, 'b n 3 h w'],
    moved: Float[Tensor, 'b n 3 h w'],
    logits: Float[Tensor, 'b n 2 h w'],
) -> Float[Tensor, 'b 3 h w']:
    """Mix the frames, as taken and moved, with convex weights: the prior times exp(logits)."""
    in_place, in_motion = logits.clamp(-_MOST, _MOST).exp().split(1, dim=2)
    frames = in_place * corrected + in_motion * moved
    trust = prior + _PRIOR_FLOOR
    weight_sum = (trust * (in_place + in_motion)).sum(dim=1)
    return (trust * frames).sum(dim=1) / weight_sum


def add_in_mu_law(
    radiance: Float[Tensor, 'b 3 h w'], residual: Float[Tensor, 'b 3 h w'], mu: float = MU
) -> Float[Tensor, 'b 3 h w']:
    """T^-1(T(H) + residual), at least 0; in this form the logarithm cancels out."""
    return ((radiance + 1 / mu) * torch.exp(residual * math.log1p(mu)) - 1 / mu).clamp(min=0)


def _prior(ldr: Tensor, reference_index: int | None) -> Tensor:
    if reference_index is None:
        reference_index = median_index(ldr.shape[1])
    return static_weights(ldr, reference_index)


def _starting_at_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Zero a last layer, so that the untrained network is the static merge."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _summarise(flow: Float[Tensor, 'k 2 h w']) -> Float[Tensor, 'k 3 i j']:
    """Mean flow of each cell and its length, on a scale near 1."""
    cell = F.avg_pool2d(flow, CELL) / _FLOW_UNIT
    return torch.cat([cell, cell.norm(dim=1, keepdim=True)], dim=1)


def _per_frame(layer: Callable[[Tensor], Tensor], frames: Tensor) -> Tensor:
    """Apply a layer to every frame of (b, n, c, h, w)."""
    return layer(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


def _pixels(cells: Float[Tensor, 'k d i j']) -> Float[Tensor, 'k c h w']:
    """From values of cells back to pixels."""
    return F.pixel_shuffle(cells.contiguous(), CELL).float()


def _mix(layer: nn.Conv2d, *parts: Tensor) -> Tensor:
    """A 1x1 convolution of parts side by side, without copying them there.

    Each part is (b, n, c, h, w), or (b, 1, c, h, w) where all frames share it.
    """
    weights = layer.weight.split([part.shape[2] for part in parts], dim=1)
    mixed = _convolve(parts[-1], weights[-1], layer.bias)
    for part, weight in zip(parts[:-1], weights[:-1], strict=True):
        mixed = mixed + _convolve(part, weight)
    return mixed


def _convolve(frames: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.conv2d(frames.flatten(0, 1), weight, bias).unflatten(0, frames.shape[:2])


def _split(layers: nn.Sequential) -> tuple[Any, Callable[[Tensor], Tensor]]:
    """The first layer, which is applied to parts, and the rest."""
    return layers[0], layers[1:]


def _dilations(blocks: int) -> list[int]:
    return [(1, 2, 4, 2)[i % 4] for i in range(blocks)]
