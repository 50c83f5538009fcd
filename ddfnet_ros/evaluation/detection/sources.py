# SPDX-License-Identifier: Apache-2.0
"""The sources of the detection study: frames and fused pictures of one bracket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import colour
from ddfnet_ros.evaluation.baselines.linear import static_merge
from ddfnet_ros.evaluation.baselines.mertens import exposure_fusion
from ddfnet_ros.evaluation.plan import FUSED
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import RadianceSettings
from ddfnet_ros.tonemap import tone_map

Picture = npt.NDArray[np.float32]

FRAMES = ('short', 'middle', 'long')
MERTENS, MERGED = 'mertens', 'static_merge'

_OTHER_TONE_MAPS = ('mu', 'reinhard', 'drago', 'key')


@dataclass(frozen=True, eq=False, kw_only=True)
class Sources:
    """All pictures of one bracket that a detector is tested on.

    Attributes:
        pictures: (H, W, 3) in [0, 1] by name. `FRAMES` show their own instants, all others that
            of the reference.
        radiance: (H, W, 3) relative to the shortest exposure, for `MERGED` and `FUSED`.
    """

    pictures: Mapping[str, Picture]
    radiance: Mapping[str, Picture]


def sources_of(bracket: Bracket, deghoster: Deghoster) -> Sources:
    """Fuse a bracket by every method.

    The static merge has the same tone map as `FUSED`; `FUSED, OPERATOR` is ours with another one.

    Args:
        bracket: Three frames.
        deghoster: The model of `FUSED`, whose picture is that which the node publishes.
    """
    shortest = np.float32(min(bracket.exposures))
    result = deghoster(bracket)
    radiance = {MERGED: static_merge(bracket) * shortest, FUSED: result.radiance * shortest}
    pictures = {name: colour(frame.pixels)
                for name, frame in zip(FRAMES, bracket.frames, strict=True)}
    pictures[MERTENS] = exposure_fusion(bracket)
    pictures[MERGED] = _tone_map_picture(radiance[MERGED], deghoster.settings)
    pictures[FUSED] = colour(result.image)
    for operator in _OTHER_TONE_MAPS:
        pictures[f'{FUSED}, {operator}'] = _tone_map_picture(
            radiance[FUSED], RadianceSettings(tone_map=operator))
    return Sources(pictures=pictures, radiance=radiance)


def _tone_map_picture(radiance: Picture, settings: RadianceSettings) -> Picture:
    planes = torch.from_numpy(radiance).permute(2, 0, 1)
    picture: Picture = tone_map(planes, settings).permute(1, 2, 0).numpy()
    return picture
