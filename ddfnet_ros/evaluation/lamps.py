# SPDX-License-Identifier: Apache-2.0
"""What becomes of coloured lamps: red must stay red, and must not be clipped to white.

A lamp is what the reference clips although it is coloured. Pictures are (H, W, 3) linear, relative
to the shortest exposure; masks are (H, W).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

Picture = Float[np.ndarray, 'h w 3']
Mask = Bool[np.ndarray, 'h w']

_ABOVE_WHITE = 1.25  # a lamp's brightest channel over the reference's white, at least
_COLOURED = 0.3      # its saturation (HSV), at least
_LEAST = 16          # pixels that a picture must have of it to count
_STILL_WHITE = 1.05


def lamp_mask(truth: Picture, white: float) -> Mask:
    """Where a coloured light is brighter than the reference can show.

    Args:
        truth: What the scene is.
        white: Radiance at which the reference clips.
    """
    brightest, darkest = truth.max(-1), truth.min(-1)
    saturation = (brightest - darkest) / np.maximum(brightest, 1e-9)
    mask: Mask = np.asarray((brightest >= _ABOVE_WHITE * white) & (saturation >= _COLOURED))
    return mask


def lamp_metrics(radiance: Picture, truth: Picture, white: float) -> dict[str, float]:
    """How lamps came out; empty where there are none.

    Returns:
        lamp_hue: mean distance of the hues [degrees]; a pixel without hue counts as 90.
        lamp_clipped: share of lamp pixels that are no brighter than the reference's white.
    """
    mask = lamp_mask(truth, white)
    if mask.sum() < _LEAST:
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
    """Angle around the grey axis [degrees], and where there is none."""
    red, green, blue = colours.astype(np.float64).T
    x, y = red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)
    brightest = colours.max(-1)
    return np.degrees(np.arctan2(y, x)), np.asarray(np.hypot(x, y) <= 1e-3 * brightest)
