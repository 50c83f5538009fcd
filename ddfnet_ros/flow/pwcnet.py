# SPDX-License-Identifier: Apache-2.0
"""PWC-DC-Net: optical flow by pyramid, warping and cost volume, the paper's motion estimator.

Sun, Yang, Liu, Kautz: PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume,
CVPR 2018; six levels, densely connected estimators, 9 374 340 parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ddfnet_ros.flow.cost_volume import cost_volume
from ddfnet_ros.flow.pairs import common_range, corrected_frames
from ddfnet_ros.flow.warp import warp

FLOW_UNIT = 20.0
"""Unit of the network's internal flow, in pixels of the full resolution."""

_PYRAMID = (3, 16, 32, 64, 96, 128, 196)  # channels of the image and of levels 1 to 6
_COARSEST, _FINEST = 6, 2
_DENSE = (128, 128, 96, 64, 32)  # channels that the dense layers of a level add
_INITIAL_SCALE = 0.01  # factor on He initialisation of flow layers, so that flow starts near zero
_TINY = 1e-6  # avoids a division by zero for features that are constant
_CONTEXT = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))  # channels, dilation


@dataclass(frozen=True)
class PWCNetConfig:
    """Size of the network.

    Attributes:
        radius: Largest displacement within one level of the pyramid, in pixels of that level.
        normalised: Whether features are normalised to mean 0 and deviation 1 before they are
            compared. Not in PWC-Net, but in Jonschkowski et al., "What Matters in Unsupervised
            Optical Flow", ECCV 2020: without it features vanish in training from scratch.
    """

    radius: int = 4
    normalised: bool = False


class PWCNet(nn.Module):
    """Flow by coarse-to-fine matching of features; also a flow provider."""

    multiple = 2**_COARSEST
    """The network pads images to multiples of this."""

    def __init__(self, config: PWCNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or PWCNetConfig()
        displacements = (2 * self.config.radius + 1) ** 2
        self.pyramid = nn.ModuleList(
            nn.Sequential(_conv(c, k, stride=2), _conv(k, k), _conv(k, k))
            for c, k in pairwise(_PYRAMID)
        )
        levels = {str(_COARSEST): Level(displacements)} | {
            str(i): Level(displacements + _PYRAMID[i] + 4, raises_maps=i > _FINEST)
            for i in range(_COARSEST - 1, _FINEST - 1, -1)}
        self.levels = nn.ModuleDict(levels)
        self.context = _context(displacements + _PYRAMID[_FINEST] + 4 + sum(_DENSE))
        self.apply(_initialise)
        heads: tuple[Any, ...] = (*(level.flow for level in levels.values()), self.context[-1])
        for head in heads:
            head.weight.data.mul_(_INITIAL_SCALE)

    def forward(self, stack: Float[Tensor, 'b n 6 h w']) -> Float[Tensor, 'b m 2 h w']:
        """Estimate the flow from the reference to each of the m = n - 1 other frames [px]."""
        reference, other = common_range(corrected_frames(stack))
        flow = self.flow(reference.flatten(0, 1), other.flatten(0, 1))
        return flow.reshape(*other.shape[:2], *flow.shape[1:])

    def flow(
        self, reference: Float[Tensor, 'k 3 h w'], other: Float[Tensor, 'k 3 h w']
    ) -> Float[Tensor, 'k 2 h w']:
        """Estimate the flow [px], (x, y), between RGB images of any size in [0, 1]."""
        height, width = reference.shape[-2:]
        pad = (0, -width % self.multiple, 0, -height % self.multiple)
        finest = self.flows(
            F.pad(reference, pad, mode='replicate'), F.pad(other, pad, mode='replicate'))[-1]
        full = F.interpolate(
            finest.float() * FLOW_UNIT, scale_factor=2**_FINEST, mode='bilinear')
        return full[..., :height, :width]

    def flows(
        self, reference: Float[Tensor, 'k 3 h w'], other: Float[Tensor, 'k 3 h w']
    ) -> list[Float[Tensor, 'k 2 _ _']]:
        """Flow of levels 6 to 2, each at 1 / 2**level of the resolution, in units of FLOW_UNIT.

        Args:
            reference: RGB images; height and width are multiples of 64.
            other: RGB images of the same size.
        """
        ours, theirs = self._feature_pyramids(reference, other)
        flows: list[Tensor] = []
        carried: list[Tensor] = []
        for i in range(_COARSEST, _FINEST - 1, -1):
            warped = theirs[i]
            if carried:
                warped = _warp_features(warped, carried[0] * (FLOW_UNIT / 2**i))
            costs = F.leaky_relu(cost_volume(ours[i], warped, self.config.radius), 0.1)
            known = [costs, ours[i], *carried] if carried else [costs]
            level: Any = self.levels[str(i)]
            maps, flow = level(torch.cat(known, dim=1))
            flows.append(flow)
            carried = level.upsample(maps, flow) if i > _FINEST else []
        flows[-1] = flows[-1] + self.context(maps)
        return flows

    def _feature_pyramids(
        self, reference: Tensor, other: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """For both images, the image and its features of levels 1 to 6, normalised if set."""
        pairs = [(reference, other)]
        for level in self.pyramid:
            pairs.append((level(pairs[-1][0]), level(pairs[-1][1])))
        if self.config.normalised:
            pairs[1:] = [_normalise(*pair) for pair in pairs[1:]]
        ours, theirs = zip(*pairs, strict=True)
        return list(ours), list(theirs)


class Level(nn.Module):
    """Flow estimator of one level: dense layers, flow, and upsampling to the next level."""

    def __init__(self, channels: int, raises_maps: bool = True) -> None:
        super().__init__()
        self.dense = nn.ModuleList()
        for kernels in _DENSE:
            self.dense.append(_conv(channels, kernels))
            channels += kernels
        self.flow = nn.Conv2d(channels, 2, 3, padding=1)
        # The published network has these 66 parameters at its last level too, unused.
        self.raise_flow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
        if raises_maps:
            self.raise_maps = nn.ConvTranspose2d(channels, 2, 4, stride=2, padding=1)

    def forward(self, maps: Float[Tensor, 'k c h w']) -> tuple[Tensor, Float[Tensor, 'k 2 h w']]:
        """Return all feature maps, the newest first, and the flow."""
        for layer in self.dense:
            maps = torch.cat([layer(maps), maps], dim=1)
        return maps, self.flow(maps)

    def upsample(self, maps: Tensor, flow: Tensor) -> list[Tensor]:
        """Flow and two feature maps at twice the resolution, for the next finer level."""
        return [self.raise_flow(flow), self.raise_maps(maps)]


def _conv(channels: int, kernels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, kernels, 3, stride, padding=dilation, dilation=dilation),
        nn.LeakyReLU(0.1),
    )


def _context(channels: int) -> nn.Sequential:
    """Dilated layers that refine the finest flow with a wide receptive field."""
    layers: list[nn.Module] = []
    for kernels, dilation in _CONTEXT:
        layers.append(_conv(channels, kernels, dilation=dilation))
        channels = kernels
    return nn.Sequential(*layers, nn.Conv2d(channels, 2, 3, padding=1))


def _normalise(
    ours: Float[Tensor, 'k c h w'], theirs: Float[Tensor, 'k c h w']
) -> tuple[Tensor, Tensor]:
    """Normalise each channel to mean 0 and deviation 1 over the pixels of both images."""
    both = torch.stack([ours, theirs]).float()
    deviation, mean = torch.std_mean(both, dim=(0, 3, 4), keepdim=True)
    first, second = (both - mean) / (deviation + _TINY)
    return first, second


def _warp_features(
    features: Float[Tensor, 'k c h w'], flow: Float[Tensor, 'k 2 h w']
) -> Float[Tensor, 'k c h w']:
    """Warp features onto the reference; those from outside the image are zero."""
    with_mask = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
    warped = warp(with_mask[:, None], flow.float()[:, None], outside='zeros')[:, 0]
    return warped[:, :-1] * (warped[:, -1:] > 0.999)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, a=0.1)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
