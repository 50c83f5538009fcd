# SPDX-License-Identifier: Apache-2.0
"""Finds points that move against the background, their velocities, and their viewing rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ddfnet_ros.runtime.deghosted import Deghosted

STEP = 4  # pixels between the points of the grid, in both directions
_FISH_EYE = 'equidistant'
_PINHOLE_COUNTS = (4, 5, 8, 12, 14)  # numbers of coefficients that OpenCV knows

_Points = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MovingPoints:
    """Points of the reference frame that move against the background.

    Attributes:
        pixels: (K, 2) positions (x, y) in the reference frame [pixels].
        velocities: (K, 2) velocities against the background [pixels / s]; NaN where the stamps of
            the frames are equal.
    """

    pixels: _Points
    velocities: _Points


def moving_points(deghosted: Deghosted, threshold: float) -> MovingPoints:
    """Find moving points on a grid of every `STEP`-th pixel.

    Each point is judged by the exposure in which it is displaced most. The motion of the
    background is the median over the picture: zero for a camera that stands still.

    Args:
        deghosted: Result whose motion is used.
        threshold: Least displacement against the background [pixels].
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
    """Project pixels to the plane one metre in front of the camera: (K, 3) points [m].

    Args:
        pixels: (K, 2) positions (x, y) [pixels].
        camera_matrix: K of the calibration, row by row; without focal length all points are NaN.
        distortion: D of the calibration; empty for no distortion.
        model: Distortion model: equidistant (fish-eye), or one of the pinhole family.

    Raises:
        ValueError: wrong number of distortion coefficients for the model.
    """
    matrix = np.array(camera_matrix, float).reshape(3, 3)
    if not len(pixels) or not (matrix[0, 0] and matrix[1, 1]):
        return np.full((len(pixels), 3), np.nan, np.float32)
    undistort = cv2.fisheye.undistortPoints if model == _FISH_EYE else cv2.undistortPoints
    coefficients = _coefficients(distortion, model) if len(distortion) else np.zeros(4)
    plane = undistort(pixels[:, None].astype(float), matrix, coefficients)[:, 0]
    return np.column_stack([plane, np.ones(len(plane))]).astype(np.float32)


def _coefficients(distortion: Sequence[float], model: str) -> npt.NDArray[np.float64]:
    numbers = (4,) if model == _FISH_EYE else _PINHOLE_COUNTS
    if len(distortion) not in numbers:
        raise ValueError(f'expected {" or ".join(map(str, numbers))} distortion coefficients for '
                         f'the model {model!r}, got {len(distortion)}; correct the calibration')
    return np.array(distortion, float)
