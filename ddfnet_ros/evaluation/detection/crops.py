# SPDX-License-Identifier: Apache-2.0
"""Crops that a detector hands to a classifier: their position and their exposure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.evaluation.detection.boxes import Box

Picture = npt.NDArray[np.float32]

CROP = 24
"""Side of a crop [px]."""

_BRIGHT = 0.97  # quantile of brightness that is exposed as white


@dataclass(frozen=True)
class Aim:
    """Error of a detector's square relative to the true box, in box heights.

    Attributes:
        right: Offset of the square's middle to the right.
        down: Offset of the square's middle downwards.
        side: Side of the square.
    """

    right: float
    down: float
    side: float

    @classmethod
    def random(cls, random: np.random.Generator) -> Aim:
        """Random offset of up to 0.1 box heights and side of 1.1 to 1.4 box heights."""
        right, down = random.uniform(-0.1, 0.1, 2).tolist()
        return cls(right, down, random.uniform(1.1, 1.4))


def crop_box(picture: Picture, box: Box, aim: Aim) -> Picture:
    """Crop the square around a box and resize it to (24, 24, 3); borders are repeated."""
    side = max(round(aim.side * box.height), 2)
    x, y = box.middle
    centre = (x - 0.5 + aim.right * box.height, y - 0.5 + aim.down * box.height)
    patch = cv2.getRectSubPix(np.ascontiguousarray(picture, np.float32), (side, side), centre)
    crop = cv2.resize(patch, (CROP, CROP), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.float32)


def white_of(crop: Picture) -> float:
    """Radiance that must be white in a linear crop to expose the traffic light well.

    Only the middle of the crop is measured, because sky beside the light may clip.
    """
    edge = CROP // 3
    brightest = crop[CROP // 8:-CROP // 8, edge:-edge].max(-1)
    return max(float(np.quantile(brightest, _BRIGHT)), 1e-9)
