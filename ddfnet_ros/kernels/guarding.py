# SPDX-License-Identifier: Apache-2.0
"""Keep the result near the reference where that is well exposed; `runtime/guard.py` tells why."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.compiling import kernel


@kernel
def guard(
    pixels: Any, linear: Any, margin: Any, share: Any, trust: Any, rows: tuple[int, int], out: Any
) -> None:
    """Move rows of the radiance back to the reference.

    Args:
        pixels: (h, w, 3), the reference.
        linear: (levels,) float32, P_1 of each pixel value of the reference.
        margin: (levels,) float32, how far from P_1 the radiance may be.
        share: (levels,) float32, how much the guard acts, by the value of the brightest channel.
        trust: float32, weight of a result within its margin.
        rows: First row and number of rows.
        out: (3, h, w) float32, the radiance; changed in place.
    """
    for y in range(rows[0], rows[0] + rows[1]):
        for x in range(pixels.shape[1]):
            pixel = pixels[y, x]
            counts = share[max(pixel[0], pixel[1], pixel[2])]
            if counts > 0:
                furthest: Any = np.float32(0)  # in margins
                for c in range(3):
                    away = abs(out[c, y, x] - linear[pixel[c]])
                    furthest = max(furthest, away / margin[pixel[c]])
                kept = trust * max((2 - furthest) / max(furthest, 1), 0)
                lost = counts * (1 - min(kept, trust))
                for c in range(3):
                    out[c, y, x] -= lost * (out[c, y, x] - linear[pixel[c]])
