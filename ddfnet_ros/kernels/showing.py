# SPDX-License-Identifier: Apache-2.0
"""From radiance to what is returned: radiance in the unit of Eq. 2, and a mu-law picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.arithmetic import exp, f32, log, mu_law, mu_scale
from ddfnet_ros.kernels.compiling import kernel

_ONE, _TOP, _HALF, _TINY = f32(1), f32(255), f32(0.5), f32(1e-9)
_ENCODING = f32(1 / 2.2)  # exponent of a display's encoding, as in `tonemap`


@kernel
def show(
    radiance: Any, unit: Any, mu: Any, keep_colour: bool, rows: tuple[int, int], scaled: Any,
    picture: Any,
) -> None:
    """Compute rows of the scaled radiance and of the picture.

    Args:
        radiance: (3, h, w) float32 >= 0, relative to the shortest exposure; padding is cut off.
        unit: float32, factor from the radiance to the unit of Eq. 2.
        mu: mu of Eq. 8, float32.
        keep_colour: Whether only the brightest channel is mapped (`tonemap`'s mu_colour).
        rows: First row and number of rows.
        scaled: (H, W, 3) float32; these rows are written.
        picture: (H, W, 3) uint8; these rows are written.
    """
    width, scale = picture.shape[1], mu_scale(mu)
    shown = np.empty((3, width), np.float32)
    for y in range(rows[0], rows[0] + rows[1]):
        if keep_colour:
            _map_row_by_brightest(radiance[0, y], radiance[1, y], radiance[2, y], mu, scale, shown)
        else:
            for c in range(3):
                _map_row(radiance[c, y], mu, scale, shown[c])
        for x in range(width):
            for c in range(3):
                scaled[y, x, c] = radiance[c, y, x] * unit
                picture[y, x, c] = np.uint8(shown[c, x] * _TOP + _HALF)


@kernel
def _map_row(radiance: Any, mu: Any, scale: Any, out: Any) -> None:
    """Apply the mu-law to a row of one channel; at most 1."""
    for x in range(len(out)):
        out[x] = min(mu_law(radiance[x], mu, scale), _ONE)


@kernel
def _map_row_by_brightest(
    red: Any, green: Any, blue: Any, mu: Any, scale: Any, out: Any
) -> None:
    """Apply the mu-law to the brightest channel of each pixel; the others keep their ratio."""
    for x in range(out.shape[1]):
        brightest = max(red[x], green[x], blue[x])
        display = min(mu_law(brightest, mu, scale), _ONE)
        share = _ONE / max(brightest, _TINY)
        out[0, x] = display * _encode(red[x] * share)
        out[1, x] = display * _encode(green[x] * share)
        out[2, x] = display * _encode(blue[x] * share)


@kernel
def _encode(ratio: Any) -> Any:
    """Encode a number in [0, 1] for a display."""
    return exp(log(max(ratio, _TINY)) * _ENCODING)
