# SPDX-License-Identifier: Apache-2.0
"""Where something moves against the background, how fast, and in which direction of the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.runtime.deghosted import Deghosted

STEP = 4  # pixels between the points that are looked at, in both directions
_FISH_EYE = 'equidistant'
_PINHOLE_NUMBERS = (4, 5, 8, 12, 14)  # of coefficients that OpenCV knows

_Points = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MovingPoints:
    """Points of the reference frame that move against the background.

    Attributes:
        pixels: (K, 2) place in the reference frame (x, y) [pixels].
        velocities: (K, 2) against the background [pixels / s]; NaN where the frames have one
            stamp.
    """

    pixels: _Points
    velocities: _Points


def moving_points(deghosted: Deghosted, threshold: float) -> MovingPoints:
    """Find what moves, on a grid of every `STEP`-th pixel.

    Each point is judged by the exposure that shows it displaced most. The background is what most
    of the picture does: nothing with a camera that stands still.

    Args:
        deghosted: Of which the motion is asked.
        threshold: Displacement against the background that counts [pixels].
    """
    bracket = deghosted.bracket
    others = bracket.reference_first[1:]
    seconds = np.array([f.stamp_ns - bracket.reference.stamp_ns for f in others], float) * 1e-9
    offset = STEP // 2 if min(bracket.reference.size) > STEP // 2 else 0
    motion = deghosted.motion()[:, offset::STEP, offset::STEP]
    motion = motion - np.median(motion, axis=(1, 2), keepdims=True)
    distance = np.linalg.norm(motion, axis=-1)
    farthest = distance.argmax(axis=0)
    rows, columns = np.nonzero(distance.max(axis=0) > threshold)
    pair = farthest[rows, columns]
    elapsed = np.where(seconds == 0, np.nan, seconds)[pair, None]
    places = np.stack([columns, rows], axis=-1) * STEP + offset
    velocities = motion[pair, rows, columns] / elapsed
    return MovingPoints(places.astype(np.float32), velocities.astype(np.float32))


def rays(
    pixels: _Points, camera_matrix: Sequence[float], distortion: Sequence[float], model: str
) -> _Points:
    """Where pixels lie on the plane one metre in front of the camera, (K, 3) [m].

    Args:
        pixels: (K, 2) x, y.
        camera_matrix: K of a calibration, row by row; NaN comes of one without focal length.
        distortion: D of a calibration; none: no distortion.
        model: Its distortion model: equidistant (fish-eye), or one of the pinhole family.

    Raises:
        ValueError: the distortion has not as many coefficients as its model can have.
    """
    matrix = np.array(camera_matrix, float).reshape(3, 3)
    if not len(pixels) or not (matrix[0, 0] and matrix[1, 1]):
        return np.full((len(pixels), 3), np.nan, np.float32)
    undistort = cv2.fisheye.undistortPoints if model == _FISH_EYE else cv2.undistortPoints
    coefficients = _checked(distortion, model) if len(distortion) else np.zeros(4)
    plane = undistort(pixels[:, None].astype(float), matrix, coefficients)[:, 0]
    return np.column_stack([plane, np.ones(len(plane))]).astype(np.float32)


def _checked(distortion: Sequence[float], model: str) -> npt.NDArray[np.float64]:
    numbers = (4,) if model == _FISH_EYE else _PINHOLE_NUMBERS
    if len(distortion) not in numbers:
        raise ValueError(f'expected {" or ".join(map(str, numbers))} distortion coefficients for '
                         f'the model {model!r}, got {len(distortion)}; correct the calibration')
    return np.array(distortion, float)
