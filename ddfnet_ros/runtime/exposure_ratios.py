# SPDX-License-Identifier: Apache-2.0
"""Estimate exposure ratios from the pictures, for files that do not name their exposure time.

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
_SIDE = 256  # longer side that frames are shrunk to [px]; averages out noise and shake
_ALL_USABLE = 0.999  # share of usable pixels behind a shrunk one: all, but for rounding
_MIN_SHARE = 0.01  # least share of the pixels that must be usable in both frames
_SIGMAS = 2.5  # log ratios more sigmas than this from the median count as motion
_SIGMA_OF_MAD = 1.4826  # standard deviation over median absolute deviation, normal distribution
_MIN_SIGMA = 0.01  # a smaller sigma would reject good pixels for the steps of 8 bits
_MAX_ROUNDS = 20
_SURE_SPREAD = 0.15  # an estimate is sure if the relative standard deviation is below this,
_SURE_SHARE = 0.03  # and the share of the pixels that agree is above this


@dataclass(frozen=True)
class Ratio:
    """How much longer one frame was exposed than the next darker one.

    Attributes:
        value: The estimated ratio, > 1.
        spread: Standard deviation of the ratio over the pixels that agree, relative to it.
        share: Share of all pixels of the picture that agree.
    """

    value: float
    spread: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether many pixels agree closely; strong motion or a wrong response prevents that."""
        return self.spread < _SURE_SPREAD and self.share > _SURE_SHARE

    def __str__(self) -> str:
        return (f'{self.value:.3g} ({"" if self.sure else "not sure: "}spread '
                f'{self.spread * 100:.0f} %, {self.share * 100:.0f} % of the pixels agree)')


def estimate_exposures(
    frames: Sequence[Pixels], settings: RadianceSettings
) -> tuple[list[float], list[Ratio]]:
    """Estimate exposures relative to the darkest frame, from unclipped pixels that do not move.

    For each pair of neighbours in brightness, the ratio is the median of the log ratio over the
    pixels that are usable in both. Pixels far from the median are taken for moving ones: they are
    left out and the median is taken again.

    Args:
        frames: Two or more frames of equal shape, in any order.
        settings: Camera response.

    Returns:
        One relative exposure per frame, in the given order, and the ratios from dark to bright.

    Raises:
        ValueError: too few pixels are usable, or two frames have the same exposure.
    """
    linear, usable = zip(
        *(_linearise_and_shrink(frame, settings) for frame in frames), strict=True)
    order = sorted(range(len(frames)), key=lambda k: float(linear[k].mean()))
    exposures = [1.0] * len(frames)
    ratios = []
    for dark, bright in pairwise(order):
        ratio = _estimate_ratio(linear[dark], linear[bright], usable[dark] & usable[bright])
        exposures[bright] = exposures[dark] * ratio.value
        ratios.append(ratio)
    return exposures, ratios


def _linearise_and_shrink(
    pixels: Pixels, settings: RadianceSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Linear values of a shrunk frame, and where all pixels behind a value are usable."""
    values = torch.from_numpy(pixels.astype(np.float32)) / white_level(pixels)
    usable = ((values > _USABLE[0]) & (values < _USABLE[1])).float()
    linear = linearise(values, settings.response, settings.gamma)
    return _shrink(linear.numpy()), _shrink(usable.numpy()) > _ALL_USABLE


def _shrink(picture: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Average areas so that the longer side has at most `_SIDE` pixels."""
    scale = min(1.0, _SIDE / max(picture.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _estimate_ratio(
    dark: npt.NDArray[np.float32], bright: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_]
) -> Ratio:
    """Estimate the ratio of two neighbours in brightness from their linear values.

    Raises:
        ValueError: too few pixels are usable, or both frames have the same exposure.
    """
    if usable.mean() < _MIN_SHARE:
        raise ValueError(
            f'expected at least {_MIN_SHARE:.0%} of the pixels unclipped in two neighbouring '
            f'frames, got {usable.mean():.1%}; give the exposure times')
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
                         f'{math.exp(centre):.3f}; remove one, or give the exposure times')
    return Ratio(math.exp(centre), float(kept.std()), len(kept) / usable.size)
