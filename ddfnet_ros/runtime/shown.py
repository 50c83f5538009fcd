# SPDX-License-Identifier: Apache-2.0
"""From a network's radiance to what is given back."""

from __future__ import annotations

import logging

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import tone_map

_log = logging.getLogger(__name__)


def shown_of(
    bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings, stage: Stage
) -> tuple[Tensor, Tensor]:
    """Radiance in the unit of Eq. 2 and its picture, on the host once the stage is done.

    Args:
        bracket: Whose radiance it is; grey frames get a grey result.
        radiance: Relative to the shortest exposure, >= 0; may be larger than the frames.
        settings: Name the tone map.
        stage: Copies.
    """
    width, height = bracket.reference.size
    radiance = radiance[:, :height, :width]
    if bracket.reference.pixels.ndim == 2:
        radiance = radiance.mean(0, keepdim=True)
    picture = (tone_map(radiance, settings) * 255 + 0.5).to(torch.uint8)
    scaled = radiance / min(bracket.exposures)
    return stage.to_host(_interleaved(scaled)), stage.to_host(_interleaved(picture))


def where_finite(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '3 h w']
) -> Float[Tensor, '3 h w']:
    """The reference frame wherever the network failed to give a number."""
    finite = torch.isfinite(radiance).all(0)
    _log.warning('the network gave no finite radiance for %d of %d pixels; they show the '
                 'reference frame', int((~finite).sum()), finite.numel())
    return torch.where(finite, radiance, reference)


def _interleaved(planes: Float[Tensor, 'c h w'] | UInt8[Tensor, 'c h w']) -> Tensor:
    """Contiguous (H, W, C), or (H, W) where C is 1."""
    return (planes[0] if len(planes) == 1 else planes.permute(1, 2, 0)).contiguous()
