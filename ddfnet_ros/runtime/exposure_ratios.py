# SPDX-License-Identifier: Apache-2.0
"""Exposure ratios from the pictures themselves, for files that do not tell their exposure time.

A last resort for the CLI: the node never guesses an exposure from brightness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ddfnet_ros.bracket import Pixels, white_level
from ddfnet_ros.radiance import linearise
from ddfnet_ros.settings import RadianceSettings

_USABLE = (0.1, 0.95)  # LDR values between noise and clipping
_SIDE = 256  # pixels of the longer side that frames are reduced to; averages noise and shake
_MIN_SHARE = 0.01
_SIGMAS = 2.5
_SIGMA_OF_MAD = 1.4826  # of a normal distribution
_MIN_SIGMA = 0.01  # 8-bit steps: below, quantisation would reject good pixels
_MAX_ROUNDS = 20


@dataclass(frozen=True)
class Ratio:
    """How much longer one frame was exposed than the next darker one.

    Attributes:
        value: The estimated ratio, > 1.
        spread: Standard deviation of the ratio over the pixels that agree, relative to it.
        share: Pixels that agree over all pixels of the picture.
    """

    value: float
    spread: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether many pixels agree closely; not so with strong motion or a wrong response."""
        return self.spread < 0.15 and self.share > 0.03

    def __str__(self) -> str:
        return (f'{self.value:.3g} ({"" if self.sure else "not sure: "}spread '
                f'{self.spread * 100:.0f} %, {self.share * 100:.0f} % of the pixels agree)')


def estimate_exposures(
    frames: Sequence[Pixels], settings: RadianceSettings
) -> tuple[list[float], list[Ratio]]:
    """Exposures relative to the darkest frame, from pixels that are unclipped and do not move.

    For each two neighbours in brightness: the median of the log ratio over the pixels that are
    usable in both, repeated without those that lie far from it, which are the moving ones.

    Args:
        frames: Two or more of equal shape, in any order.
        settings: Name the camera response.

    Returns:
        One relative exposure per frame, in the given order, and the ratios from dark to bright.

    Raises:
        ValueError: too few usable pixels, or two frames of one exposure.
    """
    linear, usable = zip(*(_reduced(frame, settings) for frame in frames), strict=True)
    order = sorted(range(len(frames)), key=lambda k: float(linear[k].mean()))
    exposures = [1.0] * len(frames)
    ratios = []
    for dark, bright in pairwise(order):
        ratio = _ratio(linear[dark], linear[bright], usable[dark] & usable[bright])
        exposures[bright] = exposures[dark] * ratio.value
        ratios.append(ratio)
    return exposures, ratios


def _reduced(
    pixels: Pixels, settings: RadianceSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Linear values of a smaller picture, and where all the pixels behind a value are usable."""
    values = torch.from_numpy(pixels.astype(np.float32)) / white_level(pixels)
    usable = ((values > _USABLE[0]) & (values < _USABLE[1])).float()
    linear = linearise(values, settings.response, settings.gamma)
    return _shrink(linear.numpy()), _shrink(usable.numpy()) > 0.999


def _shrink(picture: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    scale = min(1.0, _SIDE / max(picture.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _ratio(
    dark: npt.NDArray[np.float32], bright: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_]
) -> Ratio:
    if usable.mean() < _MIN_SHARE:
        raise ValueError(
            f'expected at least {_MIN_SHARE:.0%} of the pixels unclipped in two neighbouring '
            f'frames, got {usable.mean():.1%}; set --exposure-times')
    logs = np.log(bright[usable] / dark[usable])
    kept = logs
    for _ in range(_MAX_ROUNDS):
        centre = float(np.median(kept))
        sigma = max(_SIGMA_OF_MAD * float(np.median(np.abs(kept - centre))), _MIN_SIGMA)
        agreeing = logs[np.abs(logs - centre) < _SIGMAS * sigma]
        if len(agreeing) == len(kept):
            break
        kept = agreeing
    if centre < 2 * _MIN_SIGMA:
        raise ValueError(f'expected different exposures, got two frames of ratio '
                         f'{math.exp(centre):.3f}; remove one, or set --exposure-times')
    return Ratio(math.exp(centre), float(kept.std()), len(kept) / usable.size)
