# SPDX-License-Identifier: Apache-2.0
"""Metrics of coloured lamps: their hue must survive, and they must not clip to white.

A lamp is a coloured light that the reference clips. Pictures are (H, W, 3) linear, relative to the
shortest exposure; masks are (H, W).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

Picture = Float[np.ndarray, 'h w 3']
Mask = Bool[np.ndarray, 'h w']

_ABOVE_WHITE = 1.25  # minimum of a lamp's brightest channel over the reference's white
_SATURATION = 0.3    # minimum saturation of a lamp (HSV)
_MIN_PIXELS = 16     # a picture with fewer lamp pixels has no lamp metrics
_STILL_WHITE = 1.05


def lamp_mask(truth: Picture, white: float) -> Mask:
    """Mask of coloured lights that are brighter than the reference can show.

    Args:
        truth: True radiance.
        white: Radiance at which the reference clips.
    """
    brightest, darkest = truth.max(-1), truth.min(-1)
    saturation = (brightest - darkest) / np.maximum(brightest, 1e-9)
    mask: Mask = np.asarray((brightest >= _ABOVE_WHITE * white) & (saturation >= _SATURATION))
    return mask


def lamp_metrics(radiance: Picture, truth: Picture, white: float) -> dict[str, float]:
    """Hue error and clipping of lamps; empty if the scene has none.

    Returns:
        lamp_hue: mean hue error [degrees]; a colourless pixel counts as 90.
        lamp_clipped: share of lamp pixels no brighter than the reference's white.
    """
    mask = lamp_mask(truth, white)
    if mask.sum() < _MIN_PIXELS:
        return {}
    (angle, colourless), (wanted, _) = _hue(radiance[mask]), _hue(truth[mask])
    distance = np.abs((angle - wanted + 180) % 360 - 180)
    return {
        'lamp_hue': float(np.where(colourless, 90.0, distance).mean()),
        'lamp_clipped': float((radiance[mask].max(-1) <= _STILL_WHITE * white).mean()),
    }


def _hue(colours: Float[np.ndarray, 'p 3']) -> tuple[
    Float[np.ndarray, ' p'], Bool[np.ndarray, ' p']
]:
    """Hue as the angle around the grey axis [degrees], and a mask of colourless pixels."""
    red, green, blue = colours.astype(np.float64).T
    x, y = red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)
    brightest = colours.max(-1)
    return np.degrees(np.arctan2(y, x)), np.asarray(np.hypot(x, y) <= 1e-3 * brightest)
