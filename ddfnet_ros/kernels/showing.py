# SPDX-License-Identifier: Apache-2.0
"""From radiance to what is published: the unit of Eq. 2, and the picture by the mu-law."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.arithmetic import f32, mu_law, mu_scale
from ddfnet_ros.kernels.compiling import kernel

_ZERO, _ONE, _TOP, _HALF = f32(0), f32(1), f32(255), f32(0.5)


@kernel
def show(
    radiance: Any, unit: Any, mu: Any, rows: Any, scaled: Any, picture: Any
) -> None:
    """Rows of both.

    Args:
        radiance: (3, h, w) float32 >= 0, relative to the shortest exposure; may be larger.
        unit: float32, that many times.
        mu: Of Eq. 8, float32.
        rows: The first, and how many.
        scaled: (H, W, 3) float32; these rows are filled in.
        picture: (H, W, 3) uint8; likewise.
    """
    width, scale = picture.shape[1], mu_scale(mu)
    levels = np.empty((3, width), np.uint8)
    for y in range(rows[0], rows[0] + rows[1]):
        for c in range(3):
            for x in range(width):
                shown = min(mu_law(radiance[c, y, x], mu, scale), _ONE)
                levels[c, x] = np.uint8(shown * _TOP + _HALF)
        for x in range(width):
            for c in range(3):
                scaled[y, x, c] = radiance[c, y, x] * unit
                picture[y, x, c] = levels[c, x]
