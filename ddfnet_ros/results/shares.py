# SPDX-License-Identifier: Apache-2.0
"""Share of pixels that are clipped before and after fusion, and that would ghost in a merge.

The shares are computed for every bracket, hence on a grid of samples.
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

_CLIPPED = 0.98  # LDR value from which a pixel counts as clipped
_SAMPLES = 2**16  # gives a share to a fifth of a percent


@dataclass(frozen=True)
class Clipping:
    """Shares of pixels with at least one clipped channel, in [0, 1].

    Attributes:
        before: Share in the reference frame.
        after: Share in the radiance: pixels as bright as where the shortest exposure clips.
    """

    before: float
    after: float


def clipping(deghosted: Deghosted, settings: RadianceSettings) -> Clipping:
    """Measure clipping in the reference frame and in the result."""
    reference = _sampled(deghosted.bracket.reference.pixels)
    limit = float(linearise(torch.tensor(_CLIPPED), settings.response, settings.gamma))
    return Clipping(
        before=_share(reference, _CLIPPED * white_level(reference)),
        after=_share(_sampled(deghosted.radiance), limit / min(deghosted.bracket.exposures)),
    )


def ghost_share(deghosted: Deghosted, threshold: float) -> float:
    """Share of pixels that are displaced in another exposure: ghosts in a plain merge.

    Args:
        deghosted: Result whose motion is used.
        threshold: Least displacement that counts [pixels].
    """
    vectors = [_sampled(motion) for motion in deghosted.motion()]
    distances = [np.hypot(vector[..., 0], vector[..., 1]) for vector in vectors]
    return float((np.maximum.reduce(distances) > threshold).mean())


def _sampled(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    step = max(1, round(math.sqrt(picture.shape[0] * picture.shape[1] / _SAMPLES)))
    return picture[::step, ::step]


def _share(samples: npt.NDArray[Any], limit: float) -> float:
    # Channel by channel: NumPy is slow along an axis of three.
    channels = [samples] if samples.ndim == 2 else [samples[..., k] for k in range(3)]
    return float((np.maximum.reduce(channels) >= limit).mean())
