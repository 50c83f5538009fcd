# SPDX-License-Identifier: Apache-2.0
"""Keep an estimated motion only where the images give evidence for it.

In clipped or textureless areas any flow explains the images, and an estimator invents one: we saw
8 pixels in the glow of a sun that stood still. There the camera's motion is the better guess.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

_WINDOW = (5, 5)  # over which the remaining difference is averaged [px]
_MARGIN = 0.5  # by which the flow must explain the images better than the camera's [grey levels]
_STILL = 0.3  # a camera that moves less counts as static [px]
_STEP = 4  # spacing of the samples for the camera's motion [px]


def keep_evident_motion(
    reference: UInt8[np.ndarray, 'h w'],
    other: UInt8[np.ndarray, 'h w'],
    flow: Float32[np.ndarray, 'h w 2'],
) -> Float32[np.ndarray, 'h w 2']:
    """Replace the flow by the camera's motion where the images give no evidence for it.

    The camera's motion is the median of the flow, or zero if that explains the images no better.

    Args:
        reference: Grey image.
        other: Grey image of equal brightness and clipping.
        flow: Flow from the reference to the other image [px], (x, y).
    """
    camera = np.median(flow[::_STEP, ::_STEP].reshape(-1, 2), axis=0).astype(np.float32)
    error_flow = _difference(reference, _warp_by_flow(other, flow))
    error_camera = _difference(reference, _warp_by_shift(other, camera))
    error_static = _difference(reference, other)
    if np.abs(camera).max() < _STILL or error_static.mean() <= error_camera.mean():
        camera, error_camera = np.zeros_like(camera), error_static
    kept = flow.copy()
    np.copyto(kept, camera, where=(error_flow + _MARGIN >= error_camera)[..., None])
    return kept


def _warp_by_flow(
    other: UInt8[np.ndarray, 'h w'], flow: Float32[np.ndarray, 'h w 2']
) -> Any:
    x, y = cv2.split(_pixel_grid(*other.shape) + flow)
    return cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _warp_by_shift(other: UInt8[np.ndarray, 'h w'], shift: Any) -> Any:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    return cv2.warpAffine(other, matrix, other.shape[::-1],
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def _difference(reference: Any, warped: Any) -> Any:
    """Mean absolute difference around each pixel [grey levels], float32 (h, w)."""
    return cv2.boxFilter(cv2.absdiff(reference, warped), cv2.CV_32F, _WINDOW)


@lru_cache(maxsize=4)
def _pixel_grid(height: int, width: int) -> Float32[np.ndarray, 'h w 2']:
    """Coordinates (x, y) of each pixel."""
    grid: Float32[np.ndarray, 'h w 2'] = np.stack(
        np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    return grid
