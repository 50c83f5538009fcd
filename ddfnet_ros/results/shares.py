# SPDX-License-Identifier: Apache-2.0
"""How much of a picture is clipped, before and after fusion, and how much of it would ghost.

Shares of the pixels, taken on a grid of samples: they are asked for with every bracket.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import white_level
from ddfnet_ros.radiance import linearise
from ddfnet_ros.runtime.deghosted import Deghosted
from ddfnet_ros.settings import RadianceSettings

_CLIPPED = 0.98  # LDR value from which a pixel shows no more than that it is bright
_SAMPLES = 2**16  # a share is known to a fifth of a percent then


@dataclass(frozen=True)
class Clipping:
    """Shares of pixels of which at least one channel is clipped, in [0, 1].

    Attributes:
        before: In the reference frame.
        after: In the radiance: as bright as the shortest exposure can tell.
    """

    before: float
    after: float


def clipping(deghosted: Deghosted, settings: RadianceSettings) -> Clipping:
    """Compare the reference frame with what came of it."""
    reference = _sampled(deghosted.bracket.reference.pixels)
    told = linearise(torch.tensor(_CLIPPED), settings.response, settings.gamma)
    return Clipping(
        before=_share(reference, _CLIPPED * white_level(reference)),
        after=_share(_sampled(deghosted.radiance), float(told) / min(deghosted.bracket.exposures)),
    )


def ghost_share(deghosted: Deghosted, threshold: float) -> float:
    """Share of pixels that another exposure shows elsewhere: a plain merge would double them.

    Args:
        deghosted: Of which the motion is asked.
        threshold: Displacement that counts [pixels].
    """
    vectors = [_sampled(motion) for motion in deghosted.motion()]
    distances = [np.hypot(vector[..., 0], vector[..., 1]) for vector in vectors]
    return float((np.maximum.reduce(distances) > threshold).mean())


def _sampled(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    step = max(1, round(math.sqrt(picture.shape[0] * picture.shape[1] / _SAMPLES)))
    return picture[::step, ::step]


def _share(samples: npt.NDArray[Any], limit: float) -> float:
    # Channel by channel, because NumPy is slow along an axis of three.
    channels = [samples] if samples.ndim == 2 else [samples[..., k] for k in range(3)]
    return float((np.maximum.reduce(channels) >= limit).mean())
