# SPDX-License-Identifier: Apache-2.0
"""The result, near the reference where that is well exposed: `runtime/guard.py` tells why."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddfnet_ros.kernels.compiling import kernel


@kernel
def guard(
    pixels: Any, linear: Any, margin: Any, share: Any, trust: Any, rows: tuple[int, int], out: Any
) -> None:
    """Bring these rows back to the reference.

    Args:
        pixels: (h, w, 3) of the reference.
        linear: (levels,) float32, P_1 by the reference's value.
        margin: Likewise, how far away the result may be.
        share: Likewise, how much that counts, by the brightest channel.
        trust: float32, what is kept of a result within its margin.
        rows: The first, and how many.
        out: (3, h, w) float32, the radiance.
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
