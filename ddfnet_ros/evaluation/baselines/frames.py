# SPDX-License-Identifier: Apache-2.0
"""Convert brackets to the arrays of classical methods: LDR in [0, 1], three channels."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

from ddfnet_ros.bracket import Bracket, Pixels, white_level
from ddfnet_ros.radiance import GAMMA

Stack = Float32[np.ndarray, 'n h w 3']


def ldr_of(bracket: Bracket) -> Stack:
    """LDR values of all frames, from short to long; grey frames get three equal channels."""
    return np.stack([colour(frame.pixels) for frame in bracket.frames])


def exposures_of(bracket: Bracket) -> Float32[np.ndarray, ' n']:
    """Exposures relative to the shortest, ascending."""
    exposures = np.array(bracket.exposures, np.float32)
    return exposures / exposures[0]


def linear_of(bracket: Bracket) -> Stack:
    """Gamma-corrected frames P_i (Eq. 2), relative to the shortest exposure."""
    return ldr_of(bracket) ** np.float32(GAMMA) / exposures_of(bracket)[:, None, None, None]


def like_frames(
    picture: Float32[np.ndarray, 'h w 3'], bracket: Bracket
) -> Float32[np.ndarray, 'h w *c']:
    """Reduce a picture to one channel if the frames are grey."""
    grey = bracket.reference.pixels.ndim == 2
    return np.ascontiguousarray(picture[..., 0] if grey else picture)


def radiance_of(
    relative: Float32[np.ndarray, 'h w 3'], bracket: Bracket
) -> Float32[np.ndarray, 'h w *c']:
    """Convert radiance relative to the shortest exposure to the unit of Eq. 2."""
    return like_frames(relative / np.float32(bracket.exposures[0]), bracket)


def grey_of(picture: Float32[np.ndarray, 'h w 3']) -> Float32[np.ndarray, 'h w']:
    """Luma of an RGB picture."""
    grey: Float32[np.ndarray, 'h w'] = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return grey


def colour(pixels: Pixels) -> Float32[np.ndarray, 'h w 3']:
    """Scale pixels of any type to [0, 1]; grey gets three equal channels."""
    ldr = np.clip(pixels.astype(np.float32) / np.float32(white_level(pixels)), 0, 1)
    return np.repeat(ldr[..., None], 3, axis=2) if ldr.ndim == 2 else ldr
