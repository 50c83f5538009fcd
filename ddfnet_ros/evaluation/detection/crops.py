# SPDX-License-Identifier: Apache-2.0
"""What a detector hands to a classifier: a square around a box, and how it is exposed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.evaluation.detection.boxes import Box

Picture = npt.NDArray[np.float32]

CROP = 24
"""Side of a crop [px]."""

_BRIGHT = 0.97  # rank of the pixel that shall be white


@dataclass(frozen=True)
class Aim:
    """How a detector's square is off the true box, in heights of that.

    Attributes:
        right: Of its middle.
        down: Likewise.
        side: Of the square.
    """

    right: float
    down: float
    side: float

    @classmethod
    def random(cls, random: np.random.Generator) -> Aim:
        """Up to a tenth off, and 10 to 40 % larger than the box is high."""
        right, down = random.uniform(-0.1, 0.1, 2).tolist()
        return cls(right, down, random.uniform(1.1, 1.4))


def cut(picture: Picture, box: Box, aim: Aim) -> Picture:
    """The square (24, 24, 3) that is aimed at; beyond the picture, its border goes on."""
    side = max(round(aim.side * box.height), 2)
    x, y = box.middle
    centre = (x - 0.5 + aim.right * box.height, y - 0.5 + aim.down * box.height)
    patch = cv2.getRectSubPix(np.ascontiguousarray(picture, np.float32), (side, side), centre)
    crop = cv2.resize(patch, (CROP, CROP), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.float32)


def white_of(crop: Picture) -> float:
    """What of a linear crop must be white for the traffic light to show well.

    Only the middle is measured: a sky beside the light may clip.
    """
    edge = CROP // 3
    brightest = crop[CROP // 8:-CROP // 8, edge:-edge].max(-1)
    return max(float(np.quantile(brightest, _BRIGHT)), 1e-9)
