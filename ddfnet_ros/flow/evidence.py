# SPDX-License-Identifier: Apache-2.0
"""Keep an estimated motion only where the images show it.

In clipped or textureless areas any flow explains the images, and an estimator invents one: seen as
8 pixels in the glow of a sun that stood still. There the motion of the camera is the better guess.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

_WINDOW = (9, 9)  # pixels over which the remaining difference is averaged
_MARGIN = 0.5  # grey levels by which a motion must explain the images better than the camera's
_STILL = 0.3  # pixels; a camera that moves less stands still
_STEP = 4  # pixels between the samples of the camera's motion


def evident(
    reference: UInt8[np.ndarray, 'h w'],
    other: UInt8[np.ndarray, 'h w'],
    flow: Float32[np.ndarray, 'h w 2'],
) -> Float32[np.ndarray, 'h w 2']:
    """Replace motion without evidence by that of the camera, the median of the flow.

    Args:
        reference: Grey.
        other: Grey, of equal brightness and clipping.
        flow: From the reference to the other, pixels (x, y).
    """
    camera = np.median(flow[::_STEP, ::_STEP].reshape(-1, 2), axis=0).astype(np.float32)
    if np.abs(camera).max() < _STILL:
        camera[:] = 0
    unexplained = _difference(reference, other, flow)
    unexplained_by_camera = _difference(reference, other, np.broadcast_to(camera, flow.shape))
    shown = unexplained + _MARGIN < unexplained_by_camera
    kept: Float32[np.ndarray, 'h w 2'] = np.where(shown[..., None], flow, camera)
    return kept


def _difference(
    reference: Any, other: Any, flow: Any
) -> Float32[np.ndarray, 'h w']:
    """Mean absolute difference around each pixel after moving the other image [grey levels]."""
    height, width = reference.shape
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    moved = cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    distance = cv2.absdiff(reference, moved).astype(np.float32)
    averaged: Float32[np.ndarray, 'h w'] = cv2.blur(distance, _WINDOW)
    return averaged
