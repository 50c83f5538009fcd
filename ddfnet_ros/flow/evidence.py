# SPDX-License-Identifier: Apache-2.0
"""Keep an estimated motion only where the images show it.

In clipped or textureless areas any flow explains the images, and an estimator invents one: seen as
8 pixels in the glow of a sun that stood still. There the motion of the camera is the better guess.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

_WINDOW = (5, 5)  # pixels over which the remaining difference is averaged
_MARGIN = 0.5  # grey levels by which a motion must explain the images better than the camera's
_STILL = 0.3  # pixels; a camera that moves less stands still
_STEP = 4  # pixels between the samples of the camera's motion


def evident(
    reference: UInt8[np.ndarray, 'h w'],
    other: UInt8[np.ndarray, 'h w'],
    flow: Float32[np.ndarray, 'h w 2'],
) -> Float32[np.ndarray, 'h w 2']:
    """Replace motion without evidence by that of the camera.

    The camera's is the median of the flow, or none where that explains the images no better.

    Args:
        reference: Grey.
        other: Grey, of equal brightness and clipping.
        flow: From the reference to the other, pixels (x, y).
    """
    camera = np.median(flow[::_STEP, ::_STEP].reshape(-1, 2), axis=0).astype(np.float32)
    by_flow = _difference(reference, _moved_by_flow(other, flow))
    by_camera = _difference(reference, _moved_by_camera(other, camera))
    by_none = _difference(reference, other)
    if np.abs(camera).max() < _STILL or by_none.mean() <= by_camera.mean():
        camera, by_camera = np.zeros_like(camera), by_none
    kept = flow.copy()
    np.copyto(kept, camera, where=(by_flow + _MARGIN >= by_camera)[..., None])
    return kept


def _moved_by_flow(
    other: UInt8[np.ndarray, 'h w'], flow: Float32[np.ndarray, 'h w 2']
) -> Any:
    x, y = cv2.split(_pixel_grid(*other.shape) + flow)
    return cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _moved_by_camera(other: UInt8[np.ndarray, 'h w'], shift: Any) -> Any:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    return cv2.warpAffine(other, matrix, other.shape[::-1],
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def _difference(reference: Any, moved: Any) -> Any:
    """Mean absolute difference around each pixel [grey levels], float32 (h, w)."""
    return cv2.boxFilter(cv2.absdiff(reference, moved), cv2.CV_32F, _WINDOW)


@lru_cache(maxsize=4)
def _pixel_grid(height: int, width: int) -> Float32[np.ndarray, 'h w 2']:
    """Each pixel's own coordinates (x, y)."""
    grid: Float32[np.ndarray, 'h w 2'] = np.stack(
        np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    return grid
