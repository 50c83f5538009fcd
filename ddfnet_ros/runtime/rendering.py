# SPDX-License-Identifier: Apache-2.0
"""From radiance to what is returned: radiance in the unit of Eq. 2, and a picture."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ddfnet_ros.bracket import Bracket, white_level
from ddfnet_ros.radiance import linearise
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import tone_map

_log = logging.getLogger(__name__)


def render(
    bracket: Bracket, radiance: Float[Tensor, 'c h w'], settings: RadianceSettings, stage: Stage
) -> tuple[Tensor, Tensor]:
    """Make radiance in the unit of Eq. 2, and a tone-mapped picture of it.

    Args:
        bracket: The bracket that was fused; grey frames get a grey result.
        radiance: Relative to the shortest exposure, >= 0; padding is cut off.
        settings: Tone map.
        stage: Stage that downloads.

    Returns:
        (H, W[, 3]) float32 and uint8, on the host once the stage is done.
    """
    width, height = bracket.reference.size
    radiance = radiance[:, :height, :width]
    if bracket.reference.pixels.ndim == 2:
        radiance = radiance.mean(0, keepdim=True)
    picture = (tone_map(radiance, settings) * 255 + 0.5).to(torch.uint8)
    scaled = radiance / min(bracket.exposures)
    return stage.to_host(_interleaved(scaled)), stage.to_host(_interleaved(picture))


def replace_not_finite(
    radiance: Float[Tensor, '3 h w'], reference: Float[Tensor, '3 h w']
) -> Float[Tensor, '3 h w']:
    """Show the reference frame wherever the network gave no finite number, and log it."""
    finite = torch.isfinite(radiance).all(0)
    _log.warning('the network gave no finite radiance for %d of %d pixels; they show the '
                 'reference frame', int((~finite).sum()), finite.numel())
    return torch.where(finite, radiance, reference)


def reference_alone(bracket: Bracket, settings: RadianceSettings) -> Deghosted:
    """Fuse nothing: the reference frame, linearised. Needs little memory beyond the result's.

    Args:
        bracket: Bracket whose reference is taken.
        settings: Camera response and tone map.
    """
    pixels = bracket.reference.pixels
    height, width = pixels.shape[:2]
    finish = Stage('finish', torch.device('cpu'))
    with finish.after():
        ldr = torch.from_numpy(pixels.astype(np.float32)).reshape(height, width, -1)
        linear = linearise((ldr / white_level(pixels)).permute(2, 0, 1), settings.response,
                           settings.gamma)
        relative = linear / (bracket.reference.exposure / min(bracket.exposures))
        radiance, image = render(bracket, relative, settings, finish)
    return Deghosted(
        bracket, radiance.numpy(), image.numpy(), {finish.name: finish.ms},
        lambda: np.zeros((len(bracket.frames) - 1, height, width, 2), np.float32),
        partial(_reference_only, bracket))


def _reference_only(bracket: Bracket) -> npt.NDArray[np.float32]:
    """Shares (N, H, W) of the frames: all is the reference's."""
    width, height = bracket.reference.size
    shares = np.zeros((len(bracket.frames), height, width), np.float32)
    shares[bracket.reference_index] = 1
    return shares


def _interleaved(planes: Float[Tensor, 'c h w'] | UInt8[Tensor, 'c h w']) -> Tensor:
    """(C, H, W) to contiguous (H, W, C), or (H, W) where C is 1."""
    return (planes[0] if len(planes) == 1 else planes.permute(1, 2, 0)).contiguous()
