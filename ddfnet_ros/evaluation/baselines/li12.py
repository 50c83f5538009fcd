# SPDX-License-Identifier: Apache-2.0
"""Exposure fusion with median filter and recursive filter (Li and Kang 2012).

Each frame's weight map combines local contrast, brightness, and similarity to the median of the
histogram-equalised frames; moving objects differ from that median. An edge-aware recursive filter
(Gastal and Oliveira 2011) smooths the maps along each frame's own edges. Thresholds and scales of
the features are chosen here.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.baselines.frames import Stack, grey_of, ldr_of, like_frames

_HIGH_PASS = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32)
_USABLE = (0.1, 0.9)  # grey values that count as neither under- nor over-exposed
_SIMILARITY = 0.1     # distance to the median, in [0, 1], at which the weight is 1 / e
_SIGMA_S, _SIGMA_R = 50.0, 0.2  # recursive filter: pixels, grey value
_PASSES = 3           # passes over rows and columns, each with a narrower kernel (Eq. 14)
_TINY = np.float32(1e-6)

Maps = Float32[np.ndarray, 'n h w']


def median_recursive(bracket: Bracket) -> Float32[np.ndarray, 'h w *c']:
    """Weighted sum of the frames; a display image."""
    ldr = ldr_of(bracket)
    rough = weight_maps(ldr)
    smooth = np.stack([
        recursive_filter(weights, frame) for weights, frame in zip(rough, ldr, strict=True)])
    weights = smooth.clip(min=0) + _TINY
    weights /= weights.sum(axis=0)
    return like_frames((weights[..., None] * ldr).sum(axis=0).clip(0, 1), bracket)


def weight_maps(ldr: Stack) -> Maps:
    """Weight of the best frame at each pixel: its similarity to the median; 0 for the others.

    The best frame has the highest product of contrast, usable brightness and similarity.
    """
    grey = np.stack([grey_of(frame) for frame in ldr])
    contrast = np.abs(np.stack([cv2.filter2D(frame, -1, _HIGH_PASS) for frame in grey]))
    usable = ((grey > _USABLE[0]) & (grey < _USABLE[1])).astype(np.float32)
    similar = similarity(ldr)
    score = (contrast + _TINY) * (usable + _TINY) * similar
    most: Maps = (score >= score.max(axis=0)).astype(np.float32) * similar
    return most


def similarity(ldr: Stack) -> Maps:
    """Similarity of each histogram-equalised frame to the median of all; 1 where equal."""
    equalised = np.stack([_equalised(frame) for frame in ldr])
    distance = np.linalg.norm(equalised - np.median(equalised, axis=0), axis=-1) / np.sqrt(3)
    similar: Maps = np.exp(-((distance / _SIMILARITY) ** 2)).astype(np.float32)
    return similar


def recursive_filter(
    picture: Float32[np.ndarray, 'h w'], guide: Float32[np.ndarray, 'h w 3']
) -> Float32[np.ndarray, 'h w']:
    """Smooth a picture, but not across edges of the guide (Gastal and Oliveira 2011, Eq. 21).

    Args:
        picture: Picture to smooth.
        guide: Picture whose edges are kept.
    """
    steps = [1 + (_SIGMA_S / _SIGMA_R) * np.abs(np.diff(guide, axis=axis)).sum(-1)
             for axis in (0, 1)]
    filtered = picture
    for k in range(_PASSES):
        sigma = _SIGMA_S * np.sqrt(3) * 2 ** (_PASSES - k - 1) / np.sqrt(4**_PASSES - 1)
        feedback = np.exp(-np.sqrt(2) / sigma)
        filtered = _filter_rows((feedback ** steps[0]).astype(np.float32), filtered)
        filtered = _filter_rows((feedback ** steps[1].T).astype(np.float32), filtered.T).T
    return np.ascontiguousarray(filtered)


def _filter_rows(
    feedback: Float32[np.ndarray, 'm w'], picture: Float32[np.ndarray, 'h w']
) -> Float32[np.ndarray, 'h w']:
    """First-order recursive filter over the rows, downwards and then upwards."""
    out = picture.copy()
    for row in range(1, len(out)):
        out[row] += feedback[row - 1] * (out[row - 1] - out[row])
    for row in range(len(out) - 2, -1, -1):
        out[row] += feedback[row] * (out[row + 1] - out[row])
    return out


def _equalised(frame: Float32[np.ndarray, 'h w 3']) -> Float32[np.ndarray, 'h w 3']:
    channels = np.round(frame * 255).astype(np.uint8)
    equal = [cv2.equalizeHist(np.ascontiguousarray(channels[..., c])) for c in range(3)]
    return np.stack(equal, axis=-1).astype(np.float32) / np.float32(255)
