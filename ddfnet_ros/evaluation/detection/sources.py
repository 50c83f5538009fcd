# SPDX-License-Identifier: Apache-2.0
"""The pictures of one bracket that a detector could be given."""

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

_OTHER_MAPS = ('mu', 'reinhard', 'drago', 'key')


@dataclass(frozen=True, eq=False, kw_only=True)
class Sources:
    """What there is of one bracket.

    Attributes:
        pictures: (H, W, 3) in [0, 1] by name. `FRAMES` show their own instants, all others the
            reference's.
        radiance: (H, W, 3) relative to the shortest exposure, of `MERGED` and `FUSED`.
    """

    pictures: Mapping[str, Picture]
    radiance: Mapping[str, Picture]


def sources_of(bracket: Bracket, deghoster: Deghoster) -> Sources:
    """The frames and everything that is made of them.

    Args:
        bracket: Of three frames.
        deghoster: `FUSED` is its picture, as the node publishes it; the plain merge is tone-mapped
            alike, and `FUSED, OPERATOR` is ours with another operator.
    """
    shortest = np.float32(min(bracket.exposures))
    result = deghoster(bracket)
    radiance = {MERGED: static_merge(bracket) * shortest, FUSED: result.radiance * shortest}
    pictures = {name: colour(frame.pixels)
                for name, frame in zip(FRAMES, bracket.frames, strict=True)}
    pictures[MERTENS] = exposure_fusion(bracket)
    pictures[MERGED] = _mapped(radiance[MERGED], deghoster.settings)
    pictures[FUSED] = colour(result.image)
    for operator in _OTHER_MAPS:
        pictures[f'{FUSED}, {operator}'] = _mapped(
            radiance[FUSED], RadianceSettings(tone_map=operator))
    return Sources(pictures=pictures, radiance=radiance)


def _mapped(radiance: Picture, settings: RadianceSettings) -> Picture:
    planes = torch.from_numpy(radiance).permute(2, 0, 1)
    picture: Picture = tone_map(planes, settings).permute(1, 2, 0).numpy()
    return picture
