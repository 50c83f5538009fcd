# SPDX-License-Identifier: Apache-2.0
"""What a bracket's reference frame shows by itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket, white_level
from ddfnet_ros.radiance import linearise
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.runtime.shown import shown_of
from ddfnet_ros.runtime.stages import Stage
from ddfnet_ros.settings import RadianceSettings


def reference_alone(bracket: Bracket, settings: RadianceSettings) -> Deghosted:
    """What the reference frame shows by itself; takes little memory beyond the result's.

    Args:
        bracket: Whose reference it is.
        settings: Name response and tone map.
    """
    pixels = bracket.reference.pixels
    height, width = pixels.shape[:2]
    finish = Stage('finish', torch.device('cpu'))
    with finish.after():
        ldr = torch.from_numpy(pixels.astype(np.float32)).reshape(height, width, -1)
        linear = linearise((ldr / white_level(pixels)).permute(2, 0, 1), settings.response,
                           settings.gamma)
        relative = linear / (bracket.reference.exposure / min(bracket.exposures))
        radiance, image = shown_of(bracket, relative, settings, finish)
    return Deghosted(
        bracket, radiance.numpy(), image.numpy(), {finish.name: finish.ms},
        lambda: np.zeros((len(bracket.frames) - 1, height, width, 2), np.float32),
        partial(_reference_only, bracket))


def _reference_only(bracket: Bracket) -> npt.NDArray[np.float32]:
    """Shares of the frames, where all is the reference's."""
    width, height = bracket.reference.size
    shares = np.zeros((len(bracket.frames), height, width), np.float32)
    shares[bracket.reference_index] = 1
    return shares
